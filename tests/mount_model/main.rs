//! Random operations on a real mount, beside a model of it, with kills of the daemon among them.
//!
//! `inbox/` is to be as a folder of a local disk, so a local folder is its model: each operation is done in both, and
//! must come to the same. A kill ends both; what was not closed is then in one of the states that it had since it was safe
//! last, and the local folder learns in which.
//!
//! `LIBRISFS_SOAK_CASES` says how many cases are run, `LIBRISFS_SOAK_SEED` which. A case that fails is shrunk and printed as
//! it is to be written down in `regressions`.

#[path = "../support/mod.rs"]
mod support;

mod compare;
mod deeds;
mod library;
mod model;
mod operations;
mod regressions;
mod restart;
mod views;

use std::env;

use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};

use deeds::World;
use operations::Operation;

/// Cases of an everyday run.
const CASES: u32 = 24;
/// Longest case.
const MOST_OPERATIONS: usize = 60;

/// Does all operations, and compares at the end.
fn run(operations: &[Operation]) {
    run_in(World::new(false), operations);
}

fn run_in(mut world: World, operations: &[Operation]) {
    for operation in operations {
        world.perform(*operation);
    }
    world.finish();
}

/// Operations as they are written down in `regressions`.
fn written(operations: &[Operation]) -> String {
    let lines = operations
        .iter()
        .map(|operation| format!("    {operation:?},\n"));
    lines.collect()
}

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text}: a number is wanted")),
        Err(_) => default,
    }
}

#[test]
fn a_mount_is_as_its_model_whatever_is_done_to_it() {
    let is_calm = !setting("LIBRISFS_SOAK_RACES", false);
    let config = Config {
        cases: setting("LIBRISFS_SOAK_CASES", CASES),
        rng_seed: RngSeed::Fixed(setting("LIBRISFS_SOAK_SEED", 1)),
        failure_persistence: None,
        max_shrink_iters: setting("LIBRISFS_SOAK_SHRINKS", 300),
        ..Config::default()
    };
    let outcome =
        TestRunner::new(config).run(&operations::of_a_case(MOST_OPERATIONS), |operations| {
            run_in(World::new(is_calm), &operations);
            Ok(())
        });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, operations)) => {
            panic!("{reason}\nafter\n{}", written(&operations))
        }
        Err(error) => panic!("{error}"),
    }
}
