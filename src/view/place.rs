//! Where in the tree a directory is.

use crate::archive::{Folder, FolderId};
use crate::name::Bucket;

/// A directory of the mount: a folder, or a bucket of one.
///
/// A folder in a large folder has two paths, with the bucket and without. The kernel wants one path for
/// each directory inode, so the two are two places with the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The folder.
    pub folder: FolderId,
    /// The bucket of it, where the place is not the whole folder.
    pub bucket: Option<Bucket>,
    /// Whether the path to the folder leads through a bucket of its parent.
    pub through_bucket: bool,
}

impl Place {
    /// The root of the mount.
    pub const ROOT: Self = Self::of(FolderId::ROOT);

    /// The whole folder, reached without a bucket.
    pub const fn of(folder: FolderId) -> Self {
        Self {
            folder,
            bucket: None,
            through_bucket: false,
        }
    }

    /// A folder in this place.
    #[must_use]
    pub const fn child(self, folder: FolderId) -> Self {
        Self {
            folder,
            bucket: None,
            through_bucket: self.bucket.is_some(),
        }
    }

    /// The folder that this place is, or is a bucket of.
    #[must_use]
    pub const fn whole(self) -> Self {
        Self {
            bucket: None,
            ..self
        }
    }

    /// The place that this one lies in; `folder` is its own.
    #[must_use]
    pub fn above(self, folder: &Folder) -> Self {
        if self.bucket.is_some() {
            return self.whole();
        }
        let parent = Self::of(folder.parent);
        if self.through_bucket {
            parent.bucket(Bucket::of(&folder.name))
        } else {
            parent
        }
    }

    /// A bucket of this folder.
    #[must_use]
    pub const fn bucket(self, bucket: Bucket) -> Self {
        Self {
            bucket: Some(bucket),
            ..self
        }
    }
}

/// What the root holds.
pub const VIEWS: [FolderId; 7] = [
    FolderId::BY_AUTHOR,
    FolderId::BY_TITLE,
    FolderId::BY_FORMAT,
    FolderId::BY_YEAR,
    FolderId::BY_LANGUAGE,
    FolderId::BY_HASH,
    FolderId::SEARCH,
];

/// Whether `folder` holds folders; the others hold entries.
pub fn holds_folders(folder: FolderId) -> bool {
    [
        FolderId::ROOT,
        FolderId::BY_AUTHOR,
        FolderId::BY_FORMAT,
        FolderId::BY_YEAR,
        FolderId::BY_LANGUAGE,
        FolderId::BY_HASH,
    ]
    .contains(&folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_a_bucket_is_another_place_than_the_folder() {
        let views = Place::of(FolderId::BY_AUTHOR);
        let author = FolderId::new(4000).expect("in range");
        let direct = views.child(author);
        let through = views.bucket(Bucket::of("Ursula")).child(author);
        assert_eq!(direct.folder, through.folder);
        assert_ne!(direct, through);
    }
}
