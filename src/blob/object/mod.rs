//! Blobs as objects of an S3-compatible store.
//!
//! ```text
//! s3://BUCKET/PREFIX/<first 2 hex of md5>/<md5>-<sha1>-<size>
//! s3://BUCKET/PREFIX/quarantine/<md5>-<sha1>-<size>.<n>
//! s3://BUCKET/PREFIX/archive    the identity of the archive that these belong to
//! ARCHIVE/staging/    bytes on their way in, on the local disk as with every store
//! ARCHIVE/cache/      blobs and pieces of them that were read here (`cache`)
//! ```
//!
//! Several machines may use one store: a blob's name is made of its hashes, an object comes to be at once
//! and whole, and none is written to again.
//!
//! # What is verified when
//!
//! - On the way in (`upload`): staged bytes are hashed while they are sent. What has other hashes than its
//!   name becomes no object. The signature of each request covers the bytes, so the store checks them too.
//! - A blob of one piece ([`pieces::PIECE_BYTES`]): by both hashes when it arrives, before anybody reads it.
//! - A larger blob: by both hashes when its last piece has come, before it is a whole blob of the cache,
//!   which is trusted from then on and read by the kernel itself. Until then its pieces are served as they
//!   come from the store: over TCP and, with https, TLS, out of an object that was verified when it was
//!   made. If the whole then turns out to be other bytes, what came is dropped, reading it is an error, and
//!   the log says so. A blob that does not fit into the cache stays in pieces.
//! - A scrub reads from the store, not from the cache, and hashes everything.
//!
//! # When the store cannot be reached
//!
//! A call is an error after a bounded wait, and works again as soon as the store does (`client`). Blobs that
//! are whole in the cache are read without the store.
//!
//! # Limits
//!
//! - Who has a blob open that is removed elsewhere can read on what is in the cache, and not the rest.
//! - A purge on one machine destroys the object and what that machine has of it. What others have in their
//!   caches goes when they next list the store (a scrub, a collection, a purge); what is taken down is not
//!   opened there in any case.
//! - Stores that know no `If-None-Match` may be given an object twice by two who race: the same bytes.
//! - S3 copies objects of up to 5 GiB; a larger one cannot be put into quarantine there.
//!
//! # Cost
//!
//! Opening asks the store once, for the first piece, unless the cache has it. Bringing a blob asks twice. At
//! most 32 MiB are on their way out at a time, and 16 pieces ahead of readers.

mod cache;
mod client;
mod credentials;
mod pieces;
mod reader;
mod upload;
mod url;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{
    Adopted, BlobStore, Error, Found, OpenBlob, Presence, Result, Space, Staged, Staging, Stamp,
};
use crate::hash::BlobId;
use cache::Cache;
use client::{Client, Refusal};
use credentials::Credentials;
use pieces::Partial;
use reader::{AHEAD, Bytes, ObjectBlob};

pub use url::{NotAStore, StoreUrl};

/// What damaged blobs are kept under.
const QUARANTINE: &str = "quarantine/";
/// The object that says whose blobs these are.
const IDENTITY: &str = "archive";
/// A store has no bound that it tells of.
const UNBOUNDED_BYTES: u64 = 1 << 50;

/// What a store is, and how it is to be used.
pub struct ObjectOptions {
    /// Where it is.
    pub url: StoreUrl,
    /// A file with its keys; `None`: they are in the environment.
    pub credentials: Option<PathBuf>,
    /// The folder of the cache. It is made when it is needed.
    pub cache: PathBuf,
    /// Most bytes in it.
    pub cache_bytes: u64,
}

/// An S3-compatible store.
pub struct ObjectStore {
    client: Arc<Client>,
    cache: Arc<Cache>,
    staging: Staging,
    in_flight: Arc<Semaphore>,
    ahead: Arc<Semaphore>,
}

/// What the object of a blob is called under the prefix.
fn name_of(blob: &BlobId) -> String {
    format!("{:02x}/{blob}", blob.md5.as_bytes()[0])
}

impl ObjectStore {
    /// The store that the options tell of. It is not asked for anything yet, so that an archive can be opened
    /// while its store is out of reach.
    pub fn open(options: ObjectOptions, staging: Staging) -> Result<Self> {
        let store = options.url.to_string();
        let keys = Credentials::find(&store, options.credentials.as_deref())?;
        Ok(Self {
            client: Arc::new(Client::new(options.url, &keys)?),
            cache: Arc::new(Cache::open(&options.cache, options.cache_bytes)),
            staging,
            in_flight: Arc::new(Semaphore::new(upload::IN_FLIGHT_MIB)),
            ahead: Arc::new(Semaphore::new(usize::try_from(AHEAD).unwrap_or(1))),
        })
    }

    /// An error unless the store answers and knows the bucket and the keys.
    pub fn check(&self) -> Result<()> {
        self.client.list("", None).map(drop)
    }

    /// Notes under the prefix that it belongs to the archive of this identity. An error if it belongs to another:
    /// what one has no row for, its collection would remove.
    pub fn claim(&self, identity: &str) -> Result<()> {
        self.check()?;
        // Once to look and, if nothing is there, once more to see who was first.
        for _ in 0..2 {
            match self.client.get(IDENTITY, 0..256) {
                Ok((found, _)) if found == identity.as_bytes() => return Ok(()),
                Ok(_) => break,
                Err(Refusal::Missing) => {}
                Err(refusal) => return Err(self.client.unexpected(refusal)),
            }
            let note = self.client.put_new(IDENTITY, identity.into());
            match self.client.runtime().block_on(note) {
                Ok(()) | Err(Refusal::Exists) => {}
                Err(refusal) => return Err(self.client.unexpected(refusal)),
            }
        }
        match self.client.get(IDENTITY, 0..256) {
            Ok((found, _)) if found == identity.as_bytes() => Ok(()),
            Ok(_) => Err(Error::Store {
                store: self.client.url().to_string(),
                fault: "another archive has its blobs under this prefix: name another prefix"
                    .into(),
            }),
            Err(refusal) => Err(self.client.unexpected(refusal)),
        }
    }

    /// Calls `visit` with the name, under the prefix, and the size of each object that begins with `prefix`.
    fn list(
        &self,
        prefix: &str,
        visit: &mut dyn FnMut(&str, u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let mut page = None;
        loop {
            let (objects, next) = self.client.list(prefix, page)?;
            for object in objects {
                if let Some(name) = self.client.url().name_of(&object.key)
                    && visit(name, object.size_bytes).is_break()
                {
                    return Ok(ControlFlow::Break(()));
                }
            }
            match next {
                None => return Ok(ControlFlow::Continue(())),
                next => page = next,
            }
        }
    }

    /// What quarantine has, of one blob or of all.
    fn in_quarantine(&self, blob: Option<&BlobId>) -> Result<Vec<String>> {
        let prefix = blob.map_or(QUARANTINE.to_owned(), |blob| format!("{QUARANTINE}{blob}."));
        let mut found = Vec::new();
        let visited = self.list(&prefix, &mut |name, _| {
            found.push(name.to_owned());
            ControlFlow::Continue(())
        })?;
        debug_assert!(visited.is_continue());
        Ok(found)
    }

    /// Moves an object into quarantine, and returns what it is called there.
    fn move_aside(&self, blob: &BlobId) -> Result<String> {
        let kept = self.in_quarantine(Some(blob))?;
        let free = (0..).map(|n: u32| format!("{QUARANTINE}{blob}.{n}"));
        let to = free
            .into_iter()
            .find(|name| !kept.contains(name))
            .unwrap_or_default();
        let failed = |refusal| match refusal {
            Refusal::Missing => Error::Missing(*blob),
            refusal => self.client.unexpected(refusal),
        };
        // Some stores say otherwise than that there is nothing to copy.
        self.client.head(&name_of(blob)).map_err(failed)?;
        self.client.copy(&name_of(blob), &to).map_err(failed)?;
        self.client.delete(&name_of(blob)).map_err(failed)?;
        self.cache.forget(blob);
        Ok(to)
    }

    /// Removes an object. `false`: there was none.
    fn delete(&self, name: &str) -> Result<bool> {
        // Deleting what is not there is no error in S3.
        let answer = self.client.head(name);
        match answer.and_then(|_| self.client.delete(name)) {
            Ok(()) => Ok(true),
            Err(Refusal::Missing) => Ok(false),
            Err(refusal) => Err(self.client.unexpected(refusal)),
        }
    }

    /// What an object is.
    fn found(&self, name: &str, found_bytes: u64) -> Found {
        let blob = name.rsplit('/').next().and_then(|last| last.parse().ok());
        match blob {
            // The name is compared, because a hash can be written in more than one way.
            Some(blob) if name_of(&blob) == name => Found::Blob { blob, found_bytes },
            _ => Found::Stray(PathBuf::from(self.client.url().place(name))),
        }
    }
}

impl BlobStore for ObjectStore {
    fn staging(&self) -> &Staging {
        &self.staging
    }

    fn keeps_files(&self) -> bool {
        false
    }

    fn adopt(&self, batch: &mut [(Staged, BlobId)]) -> Result<Vec<Adopted>> {
        upload::adopt(self, batch)
    }

    fn open(&self, blob: &BlobId) -> Result<Box<dyn OpenBlob>> {
        let (bytes, is_fresh) = if let Some(file) = self.cache.whole(blob) {
            (Bytes::Whole(file), false)
        } else {
            let make = || Partial::new(blob, Arc::clone(&self.client), Arc::clone(&self.cache));
            let (partial, is_fresh) = self.cache.partial(blob, make)?;
            if blob.size_bytes > 0 {
                partial.fetch(0)?;
            } else {
                match self.presence(blob)? {
                    Presence::Whole => {}
                    Presence::Missing => return Err(Error::Missing(*blob)),
                    Presence::WrongSize { found_bytes } => {
                        return Err(Error::WrongSize {
                            blob: *blob,
                            found_bytes,
                        });
                    }
                }
            }
            (Bytes::Pieces(partial), is_fresh)
        };
        let (client, ahead) = (Arc::clone(&self.client), Arc::clone(&self.ahead));
        Ok(Box::new(ObjectBlob::new(
            blob, bytes, client, ahead, is_fresh,
        )))
    }

    fn stamp(&self, blob: &BlobId) -> Option<Stamp> {
        // It counts as used.
        let meta = self.cache.whole(blob)?.metadata().ok()?;
        Some(Stamp::of_copy(&meta))
    }

    fn presence(&self, blob: &BlobId) -> Result<Presence> {
        match self.client.head(&name_of(blob)) {
            Ok(object) if object.size_bytes == blob.size_bytes => Ok(Presence::Whole),
            Ok(object) => Ok(Presence::WrongSize {
                found_bytes: object.size_bytes,
            }),
            Err(Refusal::Missing) => Ok(Presence::Missing),
            Err(refusal) => Err(self.client.unexpected(refusal)),
        }
    }

    fn remove(&self, blob: &BlobId) -> Result<bool> {
        let was_there = self.delete(&name_of(blob))?;
        self.cache.forget(blob);
        Ok(was_there)
    }

    fn destroy(&self, blob: &BlobId) -> Result<bool> {
        // Those who read it first: what they are given is the nearest.
        self.cache.destroy(blob)?;
        for name in self.in_quarantine(Some(blob))? {
            self.delete(&name)?;
        }
        let was_there = self.delete(&name_of(blob))?;
        // Whatever was fetched meanwhile.
        self.cache.destroy(blob)?;
        Ok(was_there)
    }

    fn quarantine(&self, blob: &BlobId) -> Result<PathBuf> {
        let name = self.move_aside(blob)?;
        Ok(PathBuf::from(self.client.url().place(&name)))
    }

    fn quarantined(&self) -> Result<u64> {
        Ok(self.in_quarantine(None)?.len() as u64)
    }

    fn walk(&self, visit: &mut dyn FnMut(Found) -> ControlFlow<()>) -> Result<()> {
        let mut cached: HashSet<BlobId> = self.cache.blobs()?.into_iter().collect();
        let walked = self.list("", &mut |name, size_bytes| {
            if name.starts_with(QUARANTINE) || name == IDENTITY {
                return ControlFlow::Continue(());
            }
            let found = self.found(name, size_bytes);
            if let Found::Blob { blob, .. } = &found {
                cached.remove(blob);
            }
            visit(found)
        })?;
        if walked.is_break() {
            return Ok(());
        }
        // Purged by another machine.
        for blob in cached {
            if self.presence(&blob)? == Presence::Missing {
                self.cache.destroy(&blob)?;
            }
        }
        Ok(())
    }

    fn space(&self) -> Result<Space> {
        Ok(Space {
            total_bytes: UNBOUNDED_BYTES,
            free_bytes: UNBOUNDED_BYTES,
            available_bytes: UNBOUNDED_BYTES,
            total_inodes: UNBOUNDED_BYTES,
            free_inodes: UNBOUNDED_BYTES,
        })
    }
}
