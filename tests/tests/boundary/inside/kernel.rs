// What a build script and a test try at the kernel. The keys begin with which of the two it is.

fn try_all(side: &str) {
    let key = |name: &str| format!("{}.{}", side, name);
    core_pattern(&key("core_pattern"));
    files_of_the_kernel(&key);
    status(&key);
    namespaces(&key);
    mounts(&key);
    system_calls(&key);
    keyring(&key);
    old_system_calls(&key);
    special_files(side, &key);
    devices(&key);
    descriptors(&key);
}

/// Writes what is there already.
fn core_pattern(key: &str) {
    let path = "/proc/sys/kernel/core_pattern";
    let attack = fs::read(path).and_then(|now| open_to_write(path)?.write_all(&now));
    tried(key, attack);
}

fn files_of_the_kernel(key: &dyn Fn(&str) -> String) {
    for path in [
        "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory", "/proc/sys/net/ipv4/ip_forward",
        "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/proc/fs", "/sys/kernel/uevent_helper",
        "/sys/power/state", "/sys/fs/cgroup/release_agent", "/sys/fs/cgroup/cgroup.procs",
        "/proc/sys/fs/binfmt_misc/register", "/proc/self/setgroups", "/dev/mem", "/dev/kmsg",
    ] {
        tried(&key(&format!("write {}", path)), open_to_write(path));
    }
    let mut writable = Vec::new();
    openable(Path::new("/proc/sys"), &mut writable);
    openable(Path::new("/sys"), &mut writable);
    tell(&key("writable settings"), format!("{} {:?}", writable.len(), writable.iter().take(4).collect::<Vec<_>>()));
    for path in [
        "/proc/kcore", "/proc/iomem", "/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup", "/proc/keys",
        "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats", "/proc/vmallocinfo", "/dev/mem",
    ] {
        let mut start = [0; 64];
        let read = File::open(path).and_then(|mut file| file.read(&mut start));
        match read {
            Ok(0) => tell(&key(&format!("read {}", path)), "refused, it is empty"),
            read => drop(tried(&key(&format!("read {}", path)), read)),
        }
    }
    tried(&key("open /proc/kmsg"), File::open("/proc/kmsg"));
    let symbols = fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let known = symbols.lines().filter(|line| line.split(' ').next().unwrap().contains(|c| c != '0')).count();
    tell(&key("kernel addresses"), known);
    let entries = |dir: &str| fs::read_dir(dir).map_or(0, |entries| entries.count());
    tell(&key("entries of /sys"), entries("/sys"));
    tell(&key("entries of /sys/firmware"), entries("/sys/firmware"));
    tell(&key("entries of /proc/acpi and scsi"), entries("/proc/acpi") + entries("/proc/scsi"));
}

/// The files below a directory that open for writing. Nothing is written.
fn openable(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(_) => continue,
        };
        if kind.is_dir() {
            openable(&entry.path(), found);
        } else if kind.is_file() && open_to_write(entry.path()).is_ok() {
            found.push(entry.path());
        }
    }
}

fn status(key: &dyn Fn(&str) -> String) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    for line in status.lines() {
        let (name, value) = line.split_once(':').unwrap();
        if name.starts_with("Cap") || name == "NoNewPrivs" || name == "Seccomp" {
            tell(&key(name), value.trim());
        }
    }
}

fn namespaces(key: &dyn Fn(&str) -> String) {
    for name in ["mnt", "pid", "ipc", "uts", "net", "user"] {
        let link = fs::read_link(format!("/proc/self/ns/{}", name)).unwrap();
        tell(&key(&format!("namespace {}", name)), link.display());
    }
    for (name, flag) in [
        ("mount", 0x2_0000), ("cgroup", 0x200_0000), ("uts", 0x400_0000), ("ipc", 0x800_0000),
        ("user", 0x1000_0000), ("pid", 0x2000_0000), ("net", 0x4000_0000), ("time", 0x80),
        ("user and mount", 0x1002_0000),
    ] {
        tried(&key(&format!("unshare {}", name)), in_child(|| call(272, [flag, 0, 0, 0, 0, 0])));
    }
    // SIGCHLD, so that it can be waited for.
    let clone = in_child(|| match call(56, [0x1000_0000 | 17, 0, 0, 0, 0, 0])? {
        0 => unsafe { _exit(0) },
        _ => Ok(0),
    });
    tried(&key("clone user"), clone);
    let own = File::open("/proc/self/ns/uts").unwrap();
    let fd = std::os::unix::io::AsRawFd::as_raw_fd(&own);
    tried(&key("setns"), in_child(|| call(308, [fd.into(), 0, 0, 0, 0, 0])));
}

fn mounts(key: &dyn Fn(&str) -> String) {
    let text = |text: &'static str| text.as_ptr() as i64;
    let mount = || call(165, [text("none\0"), text("/tmp\0"), text("tmpfs\0"), 0, 0, 0]);
    tried(&key("mount"), in_child(mount));
    let bind = || call(165, [text("/proc/self\0"), text("/tmp\0"), 0, 0x1000, 0, 0]);
    tried(&key("bind"), in_child(bind));
    let remount = || call(165, [0, text("/\0"), 0, 0x1000 | 0x20, 0, 0]);
    tried(&key("remount"), in_child(remount));
    tried(&key("umount"), in_child(|| call(166, [text("/tmp\0"), 2, 0, 0, 0, 0])));
    tried(&key("pivot_root"), in_child(|| call(155, [text(".\0"), text(".\0"), 0, 0, 0, 0])));
    tried(&key("chroot"), in_child(|| call(161, [text("/tmp\0"), 0, 0, 0, 0, 0])));
    tried(&key("fsopen"), in_child(|| call(430, [text("tmpfs\0"), 0, 0, 0, 0, 0])));
    tried(&key("open_tree"), in_child(|| call(428, [-100, text("/tmp\0"), 1, 0, 0, 0])));
    tried(&key("mount_setattr"), in_child(|| call(442, [-100, text("/\0"), 0, 0, 0, 0])));
    let info = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let weak = info.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        let options: Vec<&str> = fields[5].split(',').collect();
        let has = |option| options.contains(&option);
        let is_weak = has("rw") && !(has("nosuid") && (has("nodev") || fields[4].starts_with("/dev")));
        if is_weak { Some(format!("{} {}", fields[4], fields[5])) } else { None }
    });
    tell(&key("mounts with setuid or devices"), format!("{:?}", weak.collect::<Vec<_>>()));
}

/// With arguments by which nothing happens where it is not filtered.
fn system_calls(key: &dyn Fn(&str) -> String) {
    let bad = 1;
    for (name, number, args) in [
        ("acct", 163, [bad, 0, 0, 0, 0, 0]),
        ("bpf", 321, [-1, bad, 8, 0, 0, 0]),
        ("clock_settime", 227, [0, bad, 0, 0, 0, 0]),
        ("delete_module", 176, [bad, 0, 0, 0, 0, 0]),
        ("finit_module", 313, [-1, bad, 0, 0, 0, 0]),
        ("init_module", 175, [bad, 0, bad, 0, 0, 0]),
        ("ioperm", 173, [0x7fff_ffff, 1, 1, 0, 0, 0]),
        ("iopl", 172, [7, 0, 0, 0, 0, 0]),
        ("kexec_load", 246, [0, 1 << 20, bad, 0, 0, 0]),
        ("lookup_dcookie", 212, [0, bad, 0, 0, 0, 0]),
        ("open_by_handle_at", 304, [-1, bad, 0, 0, 0, 0]),
        ("perf_event_open", 298, [bad, 0, -1, -1, 0, 0]),
        ("quotactl", 179, [-1, bad, 0, bad, 0, 0]),
        ("reboot", 169, [0, 0, 0, 0, 0, 0]),
        ("settimeofday", 164, [bad, 0, 0, 0, 0, 0]),
        ("swapon", 167, [bad, 0, 0, 0, 0, 0]),
        ("swapoff", 168, [bad, 0, 0, 0, 0, 0]),
        ("userfaultfd", 323, [-1, 0, 0, 0, 0, 0]),
        ("uselib", 134, [bad, 0, 0, 0, 0, 0]),
        ("ustat", 136, [-1, bad, 0, 0, 0, 0]),
        ("vhangup", 153, [0, 0, 0, 0, 0, 0]),
        ("ioctl TIOCSTI", 16, [-1, 0x5412, bad, 0, 0, 0]),
        ("ioctl TIOCLINUX", 16, [-1, 0x541c, bad, 0, 0, 0]),
        // The kernel looks at 32 bits of the request: a filter that compares 64 lets this through.
        ("ioctl TIOCSTI of 64 bits", 16, [-1, 0x1_0000_5412, bad, 0, 0, 0]),
    ] {
        tried(&key(name), in_child(|| call(number, args)));
    }
    let parameters = [0_u64; 16];
    tried(&key("io_uring"), in_child(|| call(425, [1, parameters.as_ptr() as i64, 0, 0, 0, 0])));
    tried(&key("vsock"), in_child(|| call(41, [40, 1, 0, 0, 0, 0])));
    tried(&key("packet socket"), in_child(|| call(41, [17, 3, 0, 0, 0, 0])));
    // The x32 numbers of unshare: those of a filter that forgot them.
    tried(&key("unshare by x32"), in_child(|| call(0x4000_0000 + 272, [0x1000_0000, 0, 0, 0, 0, 0])));
}

/// The caller has a session keyring with a key `decoy`.
fn keyring(key: &dyn Fn(&str) -> String) {
    let text = |text: &'static str| text.as_ptr() as i64;
    let session = -3;
    let found = call(250, [10, session, text("user\0"), text("decoy\0"), 0, 0]);
    let read = found.and_then(|id| {
        let buffer = [0_u8; 64];
        call(250, [11, id, buffer.as_ptr() as i64, 64, 0, 0])
    });
    tried(&key("the caller's key"), read);
    let known = fs::read_to_string("/proc/keys").unwrap_or_default();
    tell(&key("keys that are shown"), known.matches("decoy").count());
    tried(&key("keyctl"), call(250, [0, session, 0, 0, 0, 0]));
    tried(&key("add_key"), call(248, [text("user\0"), text("mine\0"), text("x\0"), 1, session, 0]));
    tried(&key("request_key"), call(249, [text("user\0"), text("decoy\0"), 0, 0, 0, 0]));
}

/// System calls as 32-bit programs make them, with other numbers.
fn old_system_calls(key: &dyn Fn(&str) -> String) {
    fn old(number: i32, first: i32) -> io::Result<i64> {
        let result: i32;
        unsafe {
            std::arch::asm!(
                "push rbx", "mov ebx, {first:e}", "int 0x80", "pop rbx",
                first = in(reg) first, inlateout("eax") number => result,
                in("ecx") 0, in("edx") 0, in("esi") 0, in("edi") 0,
                out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            );
        }
        match result {
            result if result < 0 => Err(io::Error::from_raw_os_error(-result)),
            result => Ok(result.into()),
        }
    }
    tried(&key("unshare by int 0x80"), in_child(|| old(310, 0x1000_0000)));
    tried(&key("keyctl by int 0x80"), in_child(|| old(288, 0)));
}

fn special_files(side: &str, key: &dyn Fn(&str) -> String) {
    for (place, dir) in [("target", target_dir()), ("workspace", workspace()), ("memory", "/tmp".into())] {
        let path = |name: &str| format!("{}/{}-{}\0", dir.display(), side, name);
        for (name, mode, device) in [("null", 0o020_666, 0x103), ("loop", 0o060_666, 0x700)] {
            let made = call(133, [path(name).as_ptr() as i64, mode, device, 0, 0, 0]);
            tried(&key(&format!("mknod {} in {}", name, place)), made);
        }
        let plain = |name: &str| PathBuf::from(path(name).trim_end_matches('\0'));
        // Every way to a file that runs as its owner.
        let mode = |path: PathBuf| {
            fs::write(&path, "#!/bin/sh\n")?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o6755))
        };
        tried(&key(&format!("chmod in {}", place)), mode(plain("setuid")));
        let open = OpenOptions::new().write(true).create(true).mode(0o6755).open(plain("setuid-open"));
        tried(&key(&format!("open in {}", place)), open);
        let opened = File::create(plain("setuid-fchmod"));
        let opened = opened.and_then(|file| file.set_permissions(fs::Permissions::from_mode(0o6755)));
        tried(&key(&format!("fchmod in {}", place)), opened);
        let at = path("setuid-at");
        let newer = fs::write(plain("setuid-at"), "").and_then(|()| call(452, [-100, at.as_ptr() as i64, 0o6755, 0, 0, 0]));
        tried(&key(&format!("fchmodat2 in {}", place)), newer);
        let node = call(133, [path("setuid-node").as_ptr() as i64, 0o106_755, 0, 0, 0, 0]);
        tried(&key(&format!("mknod of a file in {}", place)), node);
    }
    // Of the host, in the workspace: does it have power in here?
    let planted = workspace().join("planted");
    let ran = Command::new(planted.join("id")).arg("-u").output();
    let ran = ran.map_or("refused".to_owned(), |ran| String::from_utf8_lossy(&ran.stdout).trim().to_owned());
    tell(&key("user by a setuid program"), ran);
    tell(&key("user"), fs::metadata("/proc/self").unwrap().uid());
    tried(&key("open a device of the host"), File::open(planted.join("kmsg")));
}

fn devices(key: &dyn Fn(&str) -> String) {
    let usual = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"];
    let (mut found, mut dirs) = (Vec::new(), vec![PathBuf::from("/dev")]);
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let kind = entry.file_type().unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            if kind.is_dir() && name != "pts" {
                dirs.push(entry.path());
            } else if kind.is_block_device() || kind.is_char_device() && !usual.contains(&&*name) {
                found.push(entry.path());
            }
        }
    }
    tell(&key("unusual devices"), format!("{:?}", found));
}

/// The caller's shell had its home open as 9, and a file of it as 8 for writing.
fn descriptors(key: &dyn Fn(&str) -> String) {
    let (mut seen, mut read) = (Vec::new(), Vec::new());
    for pid in processes() {
        for entry in fs::read_dir(format!("/proc/{}/fd", pid)).into_iter().flatten().flatten() {
            let there = fs::read_link(entry.path()).unwrap_or_default();
            // Cargo has files of its own in a home of the same name, which is empty.
            let home = workspace().parent().unwrap().join("home");
            if there == home || there.starts_with(home.join(".ssh")) {
                seen.push(there);
            }
            if let Ok(text) = fs::read_to_string(entry.path().join(".ssh/id_ed25519")) {
                read.push(text.len());
            }
        }
    }
    tell(&key("descriptors of the caller"), format!("{:?} {:?}", seen, read));
    let ours = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let ours = ours.filter_map(|entry| Some((entry.file_name(), fs::read_link(entry.path()).ok()?)));
    tell(&key("descriptors"), format!("{:?}", ours.collect::<Vec<_>>()));
}
