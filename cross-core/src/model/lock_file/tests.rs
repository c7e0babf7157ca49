use super::*;

fn environment(target: &str) -> LockedEnvironment {
    let hash = Some("a".repeat(64));
    LockedEnvironment {
        target: target.to_owned(),
        architecture: "amd64".to_owned(),
        recipe: Some("r".to_owned()),
        keys: BTreeMap::from([("packages".to_owned(), "say \"hi\"\t\u{7f}".to_owned())]),
        packages: vec![
            InstalledPackage::new("adduser", "3.134", "all").sha256(hash.clone()),
            InstalledPackage::new("gcc", "4:12.2.0-3", "amd64")
                .source("gcc-defaults", "1.203")
                .sha256(hash)
                .removed(true),
            InstalledPackage::new("own", "1", "amd64"),
        ],
        downloads: vec![Download::new("zig", "0.15.2", "b".repeat(64))],
        images: BTreeMap::from([("a/b:1".to_owned(), "sha256:1".to_owned())]),
        ..LockedEnvironment::default()
    }
}

fn lock() -> LockFile {
    let mut lock = LockFile::default();
    lock.put(environment("s390x-unknown-linux-gnu"));
    lock.put(environment("aarch64-unknown-linux-gnu"));
    lock
}

fn parse(bytes: impl AsRef<[u8]>) -> Result<LockFile> {
    let parsed = LockFile::parse_bytes(bytes.as_ref(), Path::new("/w/Cross.lock"), &|_| false);
    let (file, left_out) = parsed?;
    assert_eq!(left_out, []);
    Ok(file)
}

fn refused(text: &str) -> (String, String) {
    let error = parse(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lock, "{error}");
    assert!(
        error
            .to_string()
            .starts_with("`/w/Cross.lock` cannot be used: "),
        "{error}"
    );
    (error.to_string(), error.help().unwrap().to_owned())
}

#[test]
fn what_is_written_is_read_and_each_package_is_a_line() {
    let text = lock().render();
    assert_eq!(parse(&text).unwrap(), lock());
    let first = text.find("target = \"aarch64").unwrap();
    assert!(first < text.find("target = \"s390x").unwrap(), "sorted");
    let line =
        "    { name = \"gcc\", version = \"4:12.2.0-3\", architecture = \"amd64\", sha256 = \"aaaa";
    assert_eq!(
        text.lines().filter(|it| it.starts_with(line)).count(),
        2,
        "{text}"
    );
    assert!(
        text.contains("source = \"gcc-defaults\", source-version = \"1.203\", removed = true },")
    );
    assert!(text.contains(
        "{ name = \"own\", version = \"1\", architecture = \"amd64\", source = \"own\" },"
    ));
}

#[test]
fn a_changed_package_is_a_diff_of_two_lines() {
    let mut other = lock();
    let mut changed = environment("aarch64-unknown-linux-gnu");
    changed.packages[0] = InstalledPackage::new("adduser", "3.135", "all");
    assert!(other.put(changed).is_some());
    let (before, after) = (lock().render(), other.render());
    let lines = before.lines().zip(after.lines());
    let differ: Vec<_> = lines.filter(|(before, after)| before != after).collect();
    assert_eq!(differ.len(), 2, "the package and the hash: {differ:#?}");
}

#[test]
fn a_newer_version_is_named() {
    let text = lock()
        .render()
        .replace("version = 1\n", "version = 2\nnew = true\n");
    let (message, help) = refused(&text);
    assert!(message.contains("version 2"), "{message}");
    assert!(help.contains("update cross-core"), "{help}");
}

#[test]
fn an_edited_hash_or_version_does_not_fit() {
    for (from, to) in [
        ("aaaa", "aaab"),
        ("3.134", "3.135"),
        ("recipe = \"r\"", "recipe = \"s\""),
    ] {
        let (message, help) = refused(&lock().render().replacen(from, to, 1));
        assert!(message.contains("`aarch64-unknown-linux-gnu`"), "{message}");
        assert!(
            help.contains("cargo xtask lock --update aarch64-unknown-linux-gnu"),
            "{help}"
        );
    }
}

#[test]
fn a_merge_conflict_is_named_by_its_line() {
    let text = lock().render();
    let (head, rest) = text.split_at(text.find("[[environment]]").unwrap());
    let line = head.lines().count() + 1;
    let (message, help) = refused(&format!(
        "{head}<<<<<<< HEAD\n{rest}=======\n>>>>>>> other\n"
    ));
    assert!(
        message.contains(&format!("line {line} is a merge conflict")),
        "{message}"
    );
    assert!(help.contains("--ours"), "{help}");
}

#[test]
fn what_is_no_lock_is_refused_with_its_line_and_a_remedy() {
    let entry = lock().render();
    let with = |from: &str, to: &str| entry.replacen(from, to, 1);
    let line_of = |text: &str, part: &str| {
        let at = text.lines().position(|line| line.contains(part));
        at.unwrap() + 1
    };
    let more = with("version = \"0.15.2\"", "from = \"x\", version = \"0.15.2\"");
    for (text, line, why) in [
        ("version = 1\nunknown = 1", 2, "unknown field `unknown`"),
        ("version = \"1\"", 1, "invalid type"),
        ("version = 0", 0, "no lock has version 0"),
        ("", 0, "missing field `version`"),
        ("not toml", 1, ""),
        ("version = 1\n[[environment]]\n", 2, "missing field"),
        (
            &with("removed = true", "gone = true"),
            line_of(&entry, "removed"),
            "unknown field `gone`",
        ),
        (
            &more,
            line_of(&entry, "download = ["),
            "unknown field `from`",
        ),
    ] {
        let (message, help) = refused(text);
        assert!(help.contains("lock again"), "{text}: {help}");
        assert!(message.contains(why), "{text}: {message}");
        let place = format!("used: line {line}: ");
        let is_placed = line == 0 || message.contains(&place);
        assert!(is_placed, "{text}: {place}: {message}");
    }
    let bytes = [b"version = 1\n# ", &[0xff][..]].concat();
    let error = parse(&bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Lock);
    assert!(error.to_string().contains("line 2 is not UTF-8"), "{error}");
}

/// A merge without a conflict can leave both sides' entries.
#[test]
fn a_second_entry_for_a_target_is_named_by_its_line() {
    let one = lock().render();
    let entry = &one[one.find("[[environment]]").unwrap()..];
    let (message, help) = refused(&format!("{one}\n{entry}"));
    // Its hash comes first.
    let line = one.lines().count() + 3;
    let expected = format!("line {line}: the entry of `aarch64-unknown-linux-gnu` (on amd64)");
    assert!(message.contains(&expected), "{message}");
    assert!(help.contains("remove either entry"), "{help}");
}

#[test]
fn what_editors_and_checkouts_change_does_not_matter() {
    let text = lock().render();
    let windows = text.replace('\n', "\r\n");
    for text in [&windows, &format!("\u{feff}{text}"), text.trim_end()] {
        let read = parse(text).unwrap();
        assert_eq!(read, lock());
        assert_eq!(
            read.render(),
            lock().render(),
            "written again, it is the same"
        );
    }
}

/// What is left is refused, or has only whole entries.
#[test]
fn a_cut_lock_never_has_half_an_entry() {
    let (text, whole) = (lock().render(), lock());
    let mut refusals = 0;
    for end in 0..text.len() {
        match parse(&text[..end]) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Lock);
                refusals += 1;
            }
            Ok(read) => {
                let environments = &whole.environments[..read.environments.len()];
                assert_eq!(read.environments, environments, "{end}");
            }
        }
    }
    assert!(refusals > text.len() / 2, "{refusals}");
}

/// What the help says, run as it is printed, reads what is left of the file.
#[test]
fn an_update_leaves_out_the_damaged_entries_of_its_targets_alone() {
    let text = lock().render();
    let damaged = text.replace("3.134", "3.135");
    let of = |target: &'static str| move |it: &str| it == target;
    let parse = |text: &str, is_replaced: &dyn Fn(&str) -> bool| {
        LockFile::parse_bytes(text.as_bytes(), Path::new("x"), is_replaced)
    };
    let (first, second) = ("aarch64-unknown-linux-gnu", "s390x-unknown-linux-gnu");
    let error = parse(&damaged, &of(first)).unwrap_err();
    assert!(error.to_string().contains(second), "{error}");
    let (rest, left_out) = parse(&damaged, &|_| true).unwrap();
    assert_eq!(rest, LockFile::default());
    let key = |target: &str| (target.to_owned(), "amd64".to_owned());
    assert_eq!(left_out, [key(first), key(second)]);
    let (rest, left_out) = parse(&text.replacen("3.134", "3.135", 1), &of(first)).unwrap();
    assert_eq!(rest.environments, [environment(second)]);
    assert_eq!(left_out, [key(first)]);
    let entry = &text[text.find("[[environment]]").unwrap()..];
    let (rest, _) = parse(&format!("{text}\n{entry}"), &|_| true).unwrap();
    assert_eq!(rest, lock(), "the second ones are left out");
    let (rest, left_out) = parse(&text, &|_| true).unwrap();
    assert_eq!(
        (rest, left_out),
        (lock(), Vec::new()),
        "what is whole stays"
    );
}
