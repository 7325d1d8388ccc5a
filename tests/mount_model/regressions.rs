//! What random operations have found, shrunk.

use crate::operations::How::{Change, Create};
use crate::operations::Operation::{
    Close, Kill, Open, Put, Remount, Rename, SetSize, Settle, Sync, View,
};
use crate::operations::Path::{There, Under};
use crate::operations::Spot::{Authored, Listed, Titled, Work};
use crate::operations::View::{
    Append, Move, MoveAuthor, Remove, Replace, Restore, SetTitle, Write,
};
use crate::run;

#[test]
fn regression_nothing_stays_noted_of_an_empty_file_that_was_synced() {
    run(&[Open(There(0), Create), Sync(0)]);
}

#[test]
fn regression_an_open_after_a_kill_finds_what_was_closed_before() {
    run(&[
        Put(Under(0, 0), 4),
        Put(Under(0, 0), 5),
        Kill,
        Open(Under(0, 0), Change),
        SetSize(0, 5201),
        Close(0),
    ]);
}

/// What was written to it came back when it was removed.
#[test]
fn regression_an_edit_that_waits_goes_with_its_file() {
    for removal in [
        Remove(Titled(0, 0)),
        Move(Titled(0, 0), Work(1)),
        Replace(Titled(0, 0), 2),
        Move(Titled(1, 1), Titled(0, 0)),
    ] {
        run(&[
            View(Write(Titled(0, 0), 0)),
            View(Write(Titled(1, 1), 3)),
            Settle,
            View(Write(Titled(0, 0), 1)),
            View(removal),
        ]);
    }
}

/// What had just been closed in the folder stayed with the old name.
#[test]
fn regression_a_renamed_author_takes_along_what_waits() {
    run(&[View(Write(Authored(1, 2), 0)), View(MoveAuthor(2, 1))]);
}

/// It was in no view, since nobody had written to it after that.
#[test]
fn regression_work_in_progress_becomes_a_document_also_while_it_is_open() {
    run(&[
        Put(Under(0, 4), 0),
        Remount,
        Open(There(0), Change),
        Rename(There(0), Under(0, 0)),
        Close(0),
        Settle,
    ]);
}

/// Two names of one file, and what waited for the one: the second open for writing failed as stale.
#[test]
fn regression_a_file_can_be_written_to_while_its_new_bytes_wait() {
    for _ in 0..20 {
        run(&[
            View(Write(Titled(2, 1), 4)),
            Settle,
            View(Replace(Titled(2, 1), 4)),
            View(Write(Titled(2, 1), 4)),
            View(Write(Titled(2, 1), 2)),
            View(Append(Titled(2, 1), 2)),
        ]);
    }
}

/// What was set just before the commit was lost with it.
#[test]
fn regression_an_attribute_of_what_waits_stays_set() {
    for _ in 0..20 {
        run(&[
            View(Write(Titled(0, 1), 3)),
            View(SetTitle(Titled(0, 1), 2)),
        ]);
    }
}

/// The other file of the book had the name, and the path read as its bytes.
#[test]
fn regression_a_file_has_the_name_that_it_is_moved_to() {
    for n in 0..2 {
        run(&[
            View(Write(Titled(2, 0), 0)),
            Settle,
            View(Write(Titled(2, 0), 2)),
            Settle,
            View(Restore(0)),
            View(Move(Listed(n), Titled(2, 2))),
            Settle,
            View(Replace(Titled(2, 2), 3)),
        ]);
    }
}

/// It depended on whether that was committed yet.
#[test]
fn regression_what_is_renamed_over_a_document_that_waits_is_its_new_bytes() {
    for _ in 0..5 {
        run(&[
            View(Write(Titled(0, 0), 3)),
            Settle,
            View(Remove(Titled(0, 0))),
            View(Write(Titled(1, 1), 0)),
            View(Replace(Titled(1, 1), 3)),
        ]);
    }
}

/// It was set on the old bytes, which are in the trash.
#[test]
fn regression_an_attribute_is_set_on_what_a_file_has_become() {
    for _ in 0..20 {
        run(&[
            View(Write(Titled(0, 1), 3)),
            Settle,
            View(Replace(Titled(0, 1), 1)),
            View(SetTitle(Titled(0, 1), 2)),
        ]);
    }
}
