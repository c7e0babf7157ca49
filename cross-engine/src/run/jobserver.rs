//! A job budget for several concurrent runs: a GNU make job server in a named pipe.
//!
//! The pipe has a token for every job that may be started. Whoever starts a run takes one first and
//! returns it at the end: it stands for the job that every client may run without a token of its
//! own. For further jobs, the client (cargo) and what it starts (rustc, make, the C compilers of
//! build scripts) take tokens from the pipe themselves, and return them after each job.
//!
//! Runs get the pipe as an open file descriptor, whose number is in `CARGO_MAKEFLAGS`, and not as
//! the path of a FIFO. GNU make supports paths only since 4.4 and fails without, and Debian 12 has
//! 4.3. Every cargo and every make supports numbers.

use std::fs::File;
use std::io::{ErrorKind as Io, Read as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::process::cancel::Cancel;
use crate::process::error::{Error, IoContext as _, Result};
use crate::process::host::Host;
use crate::process::unique_name::unique;
use crate::run::run_dir::{RunDir, create_fifo};

/// The cache's subdirectory for job servers.
pub(crate) const JOBSERVERS: &str = "jobservers";
/// The pipe's name in the directory that runs see.
pub(crate) const PIPE: &str = "tokens";
/// A token, as GNU make writes it.
const TOKEN: u8 = b'+';
/// One page of tokens, which fits into every pipe.
const MAX_JOBS: u32 = 4096;
/// The interval at which a new run looks for a token. Running clients wait at the pipe itself and
/// so come first: what has begun is finished before more is started.
const POLL: Duration = Duration::from_millis(10);

/// A job server, removed when it is dropped. Runs become clients by
/// [`RunSpec::jobserver`](crate::RunSpec::jobserver).
#[derive(Debug)]
pub struct Jobserver {
    dir: RunDir,
    pipe: File,
    jobs: u32,
    /// The number of [`Tokens`] that are held.
    clients: Mutex<u32>,
}

impl Jobserver {
    /// Creates a job server for this number of concurrent jobs: at least one, at most 4096.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the system or the cache's file system has no
    /// named pipes, or the cache cannot be written.
    pub fn new(host: &Host, jobs: u32) -> Result<Self> {
        let dir = RunDir::new(&host.cache.join(JOBSERVERS), &unique("jobs"))?;
        let server = Jobserver {
            pipe: create_fifo(&dir.path().join(PIPE))?,
            dir,
            jobs: jobs.clamp(1, MAX_JOBS),
            clients: Mutex::default(),
        };
        server.put(server.jobs)?;
        Ok(server)
    }

    /// The number of concurrent jobs.
    pub fn jobs(&self) -> u32 {
        self.jobs
    }

    /// The directory that clients have to see.
    pub fn directory(&self) -> &Path {
        self.dir.path()
    }

    /// Waits for a token, and takes further ones that are free, up to `most` in all.
    ///
    /// # Errors
    ///
    /// If `cancel` ends the wait.
    pub fn take(&self, most: u32, cancel: &Cancel) -> Result<Tokens<'_>> {
        loop {
            let mut clients = self.clients();
            let count = self.take_free(most.max(1));
            if count > 0 {
                *clients += 1;
                return Ok(Tokens {
                    server: self,
                    count,
                });
            }
            drop(clients);
            cancel
                .check()
                .map_err(|why| Error::stopped(why, "the wait for a free job"))?;
            thread::sleep(POLL);
        }
    }

    fn clients(&self) -> MutexGuard<'_, u32> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up to `most` free tokens, and returns their number.
    fn take_free(&self, most: u32) -> u32 {
        let mut tokens = [0; MAX_JOBS as usize];
        let most = most.min(MAX_JOBS) as usize;
        loop {
            match (&self.pipe).read(&mut tokens[..most]) {
                Err(error) if error.kind() == Io::Interrupted => {}
                Err(_) => return 0,
                // It is no more than was requested.
                Ok(count) => return u32::try_from(count).unwrap_or(MAX_JOBS),
            }
        }
    }

    fn put(&self, count: u32) -> Result<()> {
        let tokens = vec![TOKEN; count as usize];
        let path = || self.dir.path().join(PIPE);
        (&self.pipe).write_all(&tokens).on("write", path())
    }

    /// Returns tokens. A client that was killed cannot return its own, so the pipe is refilled when
    /// there is no client left.
    fn give_back(&self, count: u32) {
        let mut clients = self.clients();
        *clients -= 1;
        let returned = match *clients {
            0 => {
                self.take_free(MAX_JOBS);
                self.jobs
            }
            _ => count,
        };
        // A pipe that cannot be written is full, so there are enough tokens.
        let _ = self.put(returned);
    }
}

/// The right to run a number of jobs, returned when it is dropped.
#[must_use = "the tokens are returned when dropped"]
#[derive(Debug)]
pub struct Tokens<'a> {
    server: &'a Jobserver,
    count: u32,
}

impl Tokens<'_> {
    /// The number of jobs.
    pub fn count(&self) -> u32 {
        self.count
    }
}

impl Drop for Tokens<'_> {
    fn drop(&mut self) {
        self.server.give_back(self.count);
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::process::error::ErrorKind;
    use crate::process::invocation::Variables;

    fn server(jobs: u32) -> (tempfile::TempDir, Jobserver) {
        let cache = tempfile::tempdir().unwrap();
        let host = Host::new(Variables::new(), cache.path());
        let server = Jobserver::new(&host, jobs).unwrap();
        (cache, server)
    }

    fn briefly() -> Cancel {
        Cancel::new().with_deadline(Duration::from_millis(50))
    }

    #[test]
    fn there_are_never_more_jobs_than_the_budget() {
        let (_cache, server) = server(3);
        let first = server.take(2, &briefly()).unwrap();
        let second = server.take(9, &briefly()).unwrap();
        assert_eq!((first.count(), second.count()), (2, 1), "what is free");
        let error = server.take(1, &briefly()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline);
        drop(first);
        assert_eq!(server.take(9, &briefly()).unwrap().count(), 2);
    }

    #[test]
    fn a_budget_is_at_least_one_and_fits_into_the_pipe() {
        for (asked, jobs) in [(0, 1), (u32::MAX, MAX_JOBS)] {
            let (_cache, server) = server(asked);
            assert_eq!(server.jobs(), jobs);
            assert_eq!(server.take(u32::MAX, &briefly()).unwrap().count(), jobs);
        }
    }

    #[test]
    fn what_a_killed_client_took_with_it_comes_back() {
        let (_cache, server) = server(4);
        let one = server.take(1, &briefly()).unwrap();
        let other = server.take(1, &briefly()).unwrap();
        // A client takes a token for a second job, and dies with it.
        let mut end = File::open(server.directory().join(PIPE)).unwrap();
        end.read_exact(&mut [0]).unwrap();
        drop(one);
        assert_eq!(
            server.take_free(MAX_JOBS),
            2,
            "others run: who knows who holds it"
        );
        drop(other);
        assert_eq!(server.take(9, &briefly()).unwrap().count(), 4);
    }

    #[test]
    fn what_a_client_gave_too_much_goes_again() {
        let (_cache, server) = server(2);
        let client = server.take(1, &briefly()).unwrap();
        server.put(5).unwrap();
        drop(client);
        assert_eq!(server.take(9, &briefly()).unwrap().count(), 2);
    }

    #[test]
    fn it_is_gone_when_dropped() {
        let (cache, server) = server(1);
        assert!(server.directory().join(PIPE).exists());
        drop(server);
        let left = std::fs::read_dir(cache.path().join(JOBSERVERS)).unwrap();
        assert_eq!(left.count(), 0);
    }
}
