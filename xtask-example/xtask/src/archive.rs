//! Reproducible archives: the same files always give the same bytes.

use std::fs;
use std::io::{self, Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

use crate::checkout;
use crate::failure::Failure;

/// 1980-01-01, the oldest time that a zip file can store. Used if the age of the sources is
/// unknown.
pub(crate) const OLDEST: u64 = 315_532_800;

/// The end of the year 9999, the newest time that a date of four digits has.
const NEWEST: u64 = 253_402_300_799;

/// The variable with the time of the sources.
const TIME: &str = "SOURCE_DATE_EPOCH";

/// The kinds of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    TarGz,
    Zip,
}

/// A file of an archive.
#[derive(Clone)]
pub(crate) struct Member {
    /// The name below the top folder.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) executable: bool,
}

impl Kind {
    /// Returns the file name extension, without the dot.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Kind::TarGz => "tar.gz",
            Kind::Zip => "zip",
        }
    }

    /// The kind of the archive with this file name.
    pub(crate) fn of_file(name: &str) -> Option<Self> {
        let mut kinds = [Kind::TarGz, Kind::Zip].into_iter();
        kinds.find(|kind| name.ends_with(kind.extension()))
    }

    /// Packs `members` below the folder `top`, in their order.
    ///
    /// `mtime`, in seconds since the Unix epoch, is the time of every file in a tar. Files in a zip
    /// have the local time 1980-01-01 instead.
    pub(crate) fn pack(self, top: &str, members: &[Member], mtime: u64) -> io::Result<Vec<u8>> {
        match self {
            Kind::TarGz => tar_gz(top, members, mtime),
            Kind::Zip => zip(top, members),
        }
    }
}

impl Member {
    /// Reads the file at `path`, and keeps its name.
    pub(crate) fn read(path: &Path, executable: bool) -> io::Result<Self> {
        Ok(Member {
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into(),
            bytes: fs::read(path)?,
            executable,
        })
    }

    fn mode(&self) -> u32 {
        if self.executable { 0o755 } else { 0o644 }
    }
}

fn tar_gz(top: &str, members: &[Member], mtime: u64) -> io::Result<Vec<u8>> {
    // The header has the time 0, no file name, and no operating system.
    let gzip = GzBuilder::new()
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for member in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(member.bytes.len() as u64);
        header.set_mode(member.mode());
        header.set_mtime(mtime);
        header.set_uid(0);
        header.set_gid(0);
        let name = format!("{top}/{}", member.name);
        tar.append_data(&mut header, name, member.bytes.as_slice())?;
    }
    tar.into_inner()?.finish()
}

fn zip(top: &str, members: &[Member]) -> io::Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for member in members {
        let options = SimpleFileOptions::default()
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(member.mode());
        zip.start_file(format!("{top}/{}", member.name), options)?;
        zip.write_all(&member.bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Returns the SHA-256 of `bytes` in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Writes a file atomically.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(TEMPORARY)
        // The mode that `File::create` uses; the umask applies.
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// The prefix of unfinished files.
const TEMPORARY: &str = ".unfinished-";

/// Removes the unfinished files of a killed [`write()`] in `dir`. No other process may write there
/// at the same time.
pub(crate) fn sweep(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Returns the time for the files of an archive, in seconds since the Unix epoch:
/// `SOURCE_DATE_EPOCH`, or else the time of the last commit in `dir`, or else 1980.
pub(crate) fn source_time(dir: &Path) -> Result<u64, Failure> {
    let given = std::env::var_os(TIME).filter(|text| !text.is_empty());
    let given = given.map(|text| parsed_time(&text.to_string_lossy()));
    match given {
        Some(given) => given,
        None => Ok(checkout::commit_time(dir).unwrap_or(OLDEST)),
    }
}

fn parsed_time(text: &str) -> Result<u64, Failure> {
    let time = text.parse().ok().filter(|time| *time <= NEWEST);
    time.ok_or_else(|| {
        Failure::new(format!(
            "{TIME} is `{text}`, which is no number of seconds since 1970"
        ))
        .with_help("set it to seconds, as `git log -1 --format=%ct` prints them, or unset it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn members() -> Vec<Member> {
        let member = |name: &str, text: &str, executable| Member {
            name: name.to_owned(),
            bytes: text.as_bytes().to_vec(),
            executable,
        };
        vec![
            member("app", "program", true),
            member("README.md", "words", false),
        ]
    }

    #[test]
    fn a_time_of_the_sources_is_a_number_of_seconds() {
        assert_eq!(parsed_time("0").unwrap(), 0);
        assert_eq!(parsed_time("253402300799").unwrap(), NEWEST);
        for text in [
            "yesterday",
            "-1",
            "1790000000000",
            "1e9",
            "18446744073709551616",
        ] {
            assert!(parsed_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_archive_is_reproducible() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("README.md");
        for kind in [Kind::TarGz, Kind::Zip] {
            let made = [0, 1].map(|n| {
                // The time and mode of the file do not matter.
                fs::write(&path, "words").unwrap();
                let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(n * 1000);
                fs::File::options()
                    .write(true)
                    .open(&path)
                    .unwrap()
                    .set_modified(time)
                    .unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600 + n as u32 * 0o44))
                    .unwrap();
                let mut all = members();
                all[1] = Member::read(&path, false).unwrap();
                kind.pack("app-1", &all, 1_700_000_000).unwrap()
            });
            assert_eq!(made[0], made[1], "{kind:?}");
        }
    }

    #[test]
    fn a_tar_holds_the_files_with_fixed_time_owner_and_modes() {
        let packed = Kind::TarGz
            .pack("app-1", &members(), 1_700_000_000)
            .unwrap();
        assert_eq!(packed[4..8], [0; 4], "no time in the gzip header");
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let mut seen = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let header = entry.header();
            assert_eq!(header.mtime().unwrap(), 1_700_000_000);
            assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
            seen.push((
                entry.path().unwrap().display().to_string(),
                header.mode().unwrap(),
                text,
            ));
        }
        let expected = [
            ("app-1/app".to_owned(), 0o755, "program".to_owned()),
            ("app-1/README.md".to_owned(), 0o644, "words".to_owned()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_zip_holds_the_files_with_modes() {
        let packed = Kind::Zip.pack("app-1", &members(), 0).unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(packed)).unwrap();
        let mut program = zip.by_name("app-1/app").unwrap();
        assert_eq!(program.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        let mut text = String::new();
        program.read_to_string(&mut text).unwrap();
        assert_eq!(text, "program");
    }

    #[test]
    fn a_write_replaces_the_file_and_a_killed_one_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        fs::write(dir.path().join(format!("{TEMPORARY}x")), "half").unwrap();
        sweep(dir.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn checksums_are_sha256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
    }
}
