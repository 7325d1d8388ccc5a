//! SQLite.

mod by_program;
mod crash;
mod opening;
mod random;
mod random_inbox;
mod trash_by_program;
mod versions;

use std::path::PathBuf;

use librisfs::catalogue::Catalogue;
use librisfs::catalogue::sqlite::SqliteCatalogue;
use tempfile::TempDir;

use crate::fixture::Bench;

/// A new catalogue in a folder of its own.
pub struct Sqlite {
    pub folder: TempDir,
    pub catalogue: SqliteCatalogue,
}

impl Sqlite {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("catalogue.db");
        let catalogue = SqliteCatalogue::create(&path).expect("creates");
        Self { folder, catalogue }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("catalogue.db")
    }
}

impl Bench for Sqlite {
    fn catalogue(&self) -> &dyn Catalogue {
        &self.catalogue
    }

    fn by_hand(&self, statements: &str) {
        let other = rusqlite::Connection::open(self.path()).expect("opens");
        let settings = "PRAGMA foreign_keys = OFF; PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE;";
        other.execute_batch(settings).expect("begins");
        other.execute_batch(statements).expect("runs");
        other.execute_batch("COMMIT").expect("commits");
    }
}

crate::conformance_edit! { Sqlite::new;
    sets_ids_aside
    an_id_that_somebody_has_is_not_given
    edits_books
    edits_a_book_once_by_the_last_that_names_it
    names_the_file_of_a_book_first_that_is_edited
    edits_nothing_in_the_trash
    renames_an_author
    renames_who_is_unknown
    renames_nobody_who_is_no_longer_in_a_book
    sets_times
    puts_into_the_trash_and_takes_out
    keeps_where_it_was
    a_file_in_the_trash_leaves_its_name_to_others
    pages_the_trash
    empties_the_trash
    hears_of_the_trash_by_hand
    gives_a_file_new_bytes
    new_bytes_may_change_the_book
    the_same_bytes_change_the_time
    bytes_for_what_is_gone_arrive_like_others
    new_bytes_may_be_those_of_another
    new_bytes_that_are_taken_down_replace_nothing
    replaces_among_others_of_a_batch
    pages_the_journal
    takes_each_deed_back
    takes_several_back_at_once
    taking_back_spares_what_others_changed_since
    taking_back_passes_over_what_is_gone
    taking_back_never_takes_the_last_bytes_away
    makes_folders_that_are_shown_though_empty
    counts_no_author_for_a_folder_that_was_made
    tells_followers_of_each_deed
}

crate::conformance_inbox! { Sqlite::new;
    has_its_fixed_folders
    makes_and_pages_nodes
    makes_nodes_soon
    has_what_was_made_soon_for_everybody
    makes_again_what_was_made_soon
    keeps_names_byte_for_byte
    refuses_names_that_are_none
    makes_nothing_where_it_cannot_be
    removes_files_and_empty_folders
    gives_no_number_twice
    moves_nodes
    replaces_like_by_like
    refuses_moves_that_cannot_be
    exchanges_nodes
    touches_nodes
    notes_when_a_folder_changes
    fills_files
    refuses_to_fill_with_what_is_taken_down
    knows_which_documents_are_in_the_inbox
    hides_nodes_that_are_taken_down
    hidden_nodes_keep_their_names
    tells_followers_of_the_inbox
    tells_followers_of_what_is_hidden
    keeps_the_blobs_of_nodes
}

crate::conformance! { Sqlite::new;
    shows_a_file_in_every_view
    files_what_is_unknown
    views_are_there_when_empty
    keeps_a_blob_once
    keeps_collisions_apart
    tells_equal_names_apart_and_keeps_them
    pages_cover_everything_once
    gives_a_small_folder_with_its_entries
    folders_page_like_entries
    hides_what_is_taken_down
    hides_what_is_taken_down_by_hand
    refuses_what_was_taken_down_before
    shows_only_what_nothing_else_hides
    a_twin_takes_over_in_by_hash
    completes_bare_rows
    completes_rows_in_any_order
    follows_edits_by_hand
    gives_names_by_metadata_alone
    one_blob_in_two_books
    tells_followers
    hears_of_commits
    finds_by_metadata
    finds_records_by_name_and_hash
    counts
    brings_back_what_was_in_the_trash
    a_known_book_gets_another_file
    keeps_the_rows_of_blobs
    reindexing_changes_nothing
    regression_a_twin_takes_over_from_a_file_without_a_book
    regression_a_row_that_becomes_taken_down_hides_at_once
    regression_an_id_set_by_hand_is_not_given_again
    is_sound
}
