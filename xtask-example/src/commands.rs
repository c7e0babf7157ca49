//! The commands: what each one does with the database and the streams.

use std::path::Path;

use anyhow::Result;

use crate::cli::{Cli, Command, Console, IndexArgs, SearchArgs, StatsArgs, Status};
use crate::db::Store;
use crate::ingest::{self, Outcome};
use crate::{output, query, search, stats, walk, when};

/// Does what the command line says.
pub(crate) fn run(cli: &Cli, console: &mut Console<'_>) -> Result<Status> {
    match &cli.command {
        Command::Index(args) => index(&cli.db, args, console),
        Command::Search(args) => search(&cli.db, args, console),
        Command::Stats(args) => stats(&cli.db, args, console),
    }
}

fn index(db: &Path, args: &IndexArgs, console: &mut Console<'_>) -> Result<Status> {
    let mut store = Store::open_or_create(db)?;
    let mut failures = Vec::new();
    let mut totals = Totals::default();
    let options = args.options();
    for path in &args.paths {
        if path.as_os_str() == ingest::STDIN {
            let outcome = ingest::stdin(&mut store, console.stdin, console.now, &options);
            totals.note(path, outcome, &mut failures, args.verbose, console)?;
            continue;
        }
        for file in walk::files(path, &mut failures) {
            let outcome = ingest::file(&mut store, &file, &options);
            totals.note(&file, outcome, &mut failures, args.verbose, console)?;
        }
    }
    if args.prune {
        totals.pruned = prune(&mut store)?;
    }
    writeln!(console.stdout, "{}", totals.summary())?;
    for failure in &failures {
        writeln!(console.stderr, "logsift: {failure:#}")?;
    }
    Ok(match failures.is_empty() {
        true => Status::Success,
        false => Status::Failure,
    })
}

/// Removes the files that are gone; returns how many.
fn prune(store: &mut Store) -> Result<u64> {
    let is_gone = |path: &String| path != ingest::STDIN && !Path::new(path).exists();
    let gone: Vec<String> = store.paths()?.into_iter().filter(is_gone).collect();
    let update = store.update()?;
    for path in &gone {
        update.remove_file(path)?;
    }
    update.commit()?;
    Ok(gone.len() as u64)
}

/// What an `index` did, over all files.
#[derive(Debug, Default)]
struct Totals {
    files: u64,
    entries: u64,
    unchanged: u64,
    binary: u64,
    pruned: u64,
}

impl Totals {
    fn note(
        &mut self,
        path: &Path,
        outcome: Result<Outcome>,
        failures: &mut Vec<anyhow::Error>,
        verbose: bool,
        console: &mut Console<'_>,
    ) -> Result<()> {
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                failures.push(error);
                return Ok(());
            }
        };
        self.add(outcome);
        if verbose {
            writeln!(console.stdout, "{}: {}", path.display(), describe(outcome))?;
        }
        Ok(())
    }

    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Added(count) | Outcome::Grown(count) | Outcome::Replaced(count) => {
                self.files += 1;
                self.entries += count;
            }
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Binary => self.binary += 1,
        }
    }

    fn summary(&self) -> String {
        let (entries, files) = (output::entries(self.entries), output::files(self.files));
        let mut text = format!("{entries} from {files}");
        for (count, what) in [
            (self.unchanged, "unchanged"),
            (self.binary, "not text"),
            (self.pruned, "pruned"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        text
    }
}

fn describe(outcome: Outcome) -> String {
    match outcome {
        Outcome::Added(count) => output::entries(count),
        Outcome::Grown(count) => format!("grown by {}", output::entries(count)),
        Outcome::Replaced(count) => format!("changed, {}", output::entries(count)),
        Outcome::Unchanged => "unchanged".to_owned(),
        Outcome::Binary => "not text, skipped".to_owned(),
    }
}

fn search(db: &Path, args: &SearchArgs, console: &mut Console<'_>) -> Result<Status> {
    let store = Store::open_existing(db)?;
    let hits = search::run(store.connection(), &filter(args, console)?)?;
    for hit in &hits {
        match args.json {
            true => output::json(console.stdout, hit)?,
            false => output::hit(console.stdout, hit, args.location, console.color)?,
        }
    }
    Ok(match hits.is_empty() {
        true => Status::NoMatch,
        false => Status::Success,
    })
}

fn filter(args: &SearchArgs, console: &Console<'_>) -> Result<search::Filter> {
    let words = args.query.join(" ");
    let time = |text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| when::parse(text, console.now)).transpose()
    };
    let expression = match args.fts {
        true => Some(words),
        false => query::expression(&words),
    };
    anyhow::ensure!(
        expression.is_some() || args.query.is_empty(),
        "there is no letter or digit to look for in the query"
    );
    Ok(search::Filter {
        expression,
        level: args.level,
        since: time(&args.since)?,
        until: time(&args.until)?,
        source: args.source.clone(),
        limit: Some(args.limit).filter(|limit| *limit > 0),
    })
}

fn stats(db: &Path, args: &StatsArgs, console: &mut Console<'_>) -> Result<Status> {
    let store = Store::open_existing(db)?;
    let found = stats::run(store.connection())?;
    match args.json {
        true => output::json(console.stdout, &found)?,
        false => output::stats(console.stdout, &found)?,
    }
    Ok(Status::Success)
}
