//! Bringing staged bytes into the store.
//!
//! What is sent is hashed while it is read from staging, and becomes an object only if both hashes are
//! those of its name. A small blob is one request, on condition that there is no object of that name; a
//! large one comes in parts, of which nothing is seen until they are joined. A process that dies leaves no
//! object, at most parts, which the bucket's own rule clears away.
//!
//! An object of that name is trusted if its `ETag` is the MD5 of these bytes, or that of their parts as we send
//! them (AWS documents both). Where a store makes them otherwise, the bytes are read and compared.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::super::{Adopted, Error, Result, Staged};
use super::client::{Answer, Client, Refusal};
use super::{ObjectStore, name_of};
use crate::hash::{BlobHasher, BlobId, Md5Hasher};

/// Blobs brought at once.
const WORKERS: usize = 16;
/// Bytes on their way at once, in MiB.
pub(super) const IN_FLIGHT_MIB: usize = 32;
/// A blob that is no larger comes in one request.
const PART_BYTES: u64 = 8 << 20;
/// Parts of one blob: S3 allows 10,000.
const PARTS: u64 = 9_000;
/// Bytes compared at a time.
const COMPARE_BYTES: u64 = 4 << 20;
/// How often somebody else may come between.
const ATTEMPTS: usize = 5;

const MIB: u64 = 1 << 20;

/// Brings a batch, several at once.
pub(super) fn adopt(store: &ObjectStore, batch: &mut [(Staged, BlobId)]) -> Result<Vec<Adopted>> {
    let count = batch.len();
    let mut first: HashMap<BlobId, usize> = HashMap::new();
    let (mut once, mut again) = (Vec::new(), Vec::new());
    for (index, (staged, blob)) in batch.iter_mut().enumerate() {
        if *first.entry(*blob).or_insert(index) == index {
            once.push((index, staged, *blob));
        } else {
            again.push((staged, index));
        }
    }
    let workers = once.len().min(WORKERS);
    let queue = Mutex::new(once.into_iter());
    let outcomes = Mutex::new(Vec::with_capacity(count));
    let work = || {
        // Taken apart so that the lock is not held meanwhile.
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some((index, staged, blob)) = next() {
            let outcome = bring(store, staged, &blob);
            let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.push((index, outcome));
        }
    };
    if workers == 1 {
        work();
    } else {
        thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    }
    let mut adopted = vec![Adopted::Present; count];
    for (index, outcome) in outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
    {
        adopted[index] = outcome?;
    }
    for (staged, _) in again {
        if staged.is_here() {
            staged.discard()?;
        }
    }
    Ok(adopted)
}

/// Brings one blob.
fn bring(store: &ObjectStore, staged: &mut Staged, blob: &BlobId) -> Result<Adopted> {
    let client = &store.client;
    let name = name_of(blob);
    if !staged.is_here() {
        // Adopted by an earlier call that failed later on.
        return match client.head(&name) {
            Ok(object) if object.size_bytes == blob.size_bytes => Ok(Adopted::Present),
            Ok(_) | Err(Refusal::Missing) => Err(Error::Missing(*blob)),
            Err(refusal) => Err(client.unexpected(refusal)),
        };
    }
    let file = staged.open()?;
    let mut adopted = Adopted::New;
    for _ in 0..ATTEMPTS {
        match client.head(&name) {
            Ok(object) => {
                let is_same = object.size_bytes == blob.size_bytes
                    && (is_etag_of(object.etag.as_deref(), &file, staged, blob)?
                        || is_stored(client, &file, staged, blob)?);
                if is_same {
                    staged.discard()?;
                    return Ok(Adopted::Present);
                }
                store.move_aside(blob)?;
                adopted = Adopted::Replaced;
            }
            Err(Refusal::Missing) => match send(store, &file, staged, blob) {
                Ok(()) => {
                    store.cache.keep(staged, blob)?;
                    return Ok(adopted);
                }
                // Somebody else has brought it meanwhile.
                Err(Refusal::Exists) => {}
                Err(refusal) => return Err(client.unexpected(refusal)),
            },
            Err(refusal) => return Err(client.unexpected(refusal)),
        }
    }
    Err(client.unexpected(Refusal::Exists))
}

/// Bytes in each part of a blob.
fn part_bytes(blob: &BlobId) -> u64 {
    let least = blob.size_bytes.div_ceil(PARTS).div_ceil(MIB) * MIB;
    least.max(PART_BYTES)
}

/// Where the parts of a blob begin, and how long each is.
fn parts(blob: &BlobId) -> impl Iterator<Item = (u64, u64)> {
    let (size_bytes, part_bytes) = (blob.size_bytes, part_bytes(blob));
    let count = size_bytes.div_ceil(part_bytes);
    (0..count).map(move |n| {
        let offset = n * part_bytes;
        (offset, part_bytes.min(size_bytes - offset))
    })
}

fn read(file: &File, staged: &Staged, offset: u64, length: u64) -> Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(|_| lost(staged))?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset)
        .map_err(|e| Error::io(staged.path(), e))?;
    Ok(bytes)
}

/// The staged bytes are not what was staged.
fn lost(staged: &Staged) -> Error {
    Error::Lost {
        path: staged.path().to_owned(),
    }
}

/// Sends a blob.
fn send(store: &ObjectStore, file: &File, staged: &Staged, blob: &BlobId) -> Answer<()> {
    if blob.size_bytes > PART_BYTES {
        return send_parts(store, file, staged, blob);
    }
    let client = &store.client;
    let _room = client
        .runtime()
        .block_on(room(&store.in_flight, blob.size_bytes));
    let bytes = read(file, staged, 0, blob.size_bytes)?;
    let mut hasher = BlobHasher::new();
    hasher.update(&bytes);
    if hasher.finish() != *blob {
        return Err(lost(staged).into());
    }
    client
        .runtime()
        .block_on(client.put_new(&name_of(blob), bytes))
}

/// Waits until so many bytes may be on their way.
async fn room(in_flight: &Arc<Semaphore>, bytes: u64) -> Option<tokio::sync::OwnedSemaphorePermit> {
    let most = u64::try_from(IN_FLIGHT_MIB).unwrap_or(u64::MAX);
    let mib = u32::try_from(bytes.div_ceil(MIB).clamp(1, most)).unwrap_or(1);
    // It is never closed.
    Arc::clone(in_flight).acquire_many_owned(mib).await.ok()
}

/// Sends a blob in parts.
fn send_parts(store: &ObjectStore, file: &File, staged: &Staged, blob: &BlobId) -> Answer<()> {
    let name = name_of(blob);
    let upload = store.client.begin_parts(&name)?;
    let sent = send_each(store, file, staged, blob, &upload)
        .and_then(|parts| store.client.join_parts(&name, &upload, &parts));
    if sent.is_err() {
        store.client.drop_parts(&name, upload);
    }
    sent
}

type Part = JoinHandle<Answer<object_store::multipart::PartId>>;

fn send_each(
    store: &ObjectStore,
    file: &File,
    staged: &Staged,
    blob: &BlobId,
    upload: &str,
) -> Answer<Vec<object_store::multipart::PartId>> {
    let runtime = store.client.runtime();
    let has_failed = Arc::new(AtomicBool::new(false));
    let mut hasher = BlobHasher::new();
    let mut sending: Vec<Part> = Vec::new();
    let mut failure = None;
    for (number, (offset, length)) in parts(blob).enumerate() {
        let room = runtime.block_on(room(&store.in_flight, length));
        if has_failed.load(Ordering::Relaxed) {
            break;
        }
        let bytes = match read(file, staged, offset, length) {
            Ok(bytes) => bytes,
            Err(error) => {
                failure = Some(error.into());
                break;
            }
        };
        hasher.update(&bytes);
        let client = Arc::clone(&store.client);
        let (name, upload) = (name_of(blob), upload.to_owned());
        let has_failed = Arc::clone(&has_failed);
        sending.push(runtime.spawn(async move {
            let _room = room;
            let sent = client.put_part(&name, &upload, number, bytes).await;
            has_failed.fetch_or(sent.is_err(), Ordering::Relaxed);
            sent
        }));
    }
    let mut parts = Vec::with_capacity(sending.len());
    for part in sending {
        match runtime.block_on(part) {
            Ok(Ok(part)) => parts.push(part),
            Ok(Err(refusal)) => failure = failure.or(Some(refusal)),
            Err(_) => failure = failure.or_else(|| Some(lost(staged).into())),
        }
    }
    match failure {
        Some(refusal) => Err(refusal),
        None if hasher.finish() != *blob => Err(lost(staged).into()),
        None => Ok(parts),
    }
}

/// Whether an object with this `ETag` has the staged bytes. `false`: that cannot be told by it.
fn is_etag_of(etag: Option<&str>, file: &File, staged: &Staged, blob: &BlobId) -> Result<bool> {
    let Some(etag) = etag.map(|etag| etag.trim_matches('"')) else {
        return Ok(false);
    };
    if etag == blob.md5.to_string() {
        return Ok(true);
    }
    let count = parts(blob).count();
    if !etag.ends_with(&format!("-{count}")) {
        return Ok(false);
    }
    let mut whole = Md5Hasher::default();
    for (offset, length) in parts(blob) {
        let mut part = Md5Hasher::default();
        part.update(&read(file, staged, offset, length)?);
        whole.update(part.finish().as_bytes());
    }
    Ok(etag == format!("{}-{count}", whole.finish()))
}

/// Whether the store gives back the staged bytes.
fn is_stored(client: &Client, file: &File, staged: &Staged, blob: &BlobId) -> Result<bool> {
    let mut offset = 0;
    while offset < blob.size_bytes {
        let end = blob.size_bytes.min(offset + COMPARE_BYTES);
        let theirs = match client.get(&name_of(blob), offset..end) {
            Ok((bytes, _)) => bytes,
            Err(Refusal::Missing) => return Ok(false),
            Err(refusal) => return Err(client.unexpected(refusal)),
        };
        if theirs != read(file, staged, offset, end - offset)? {
            return Ok(false);
        }
        offset = end;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_blob_within_the_limits_of_s3() {
        let hash = BlobHasher::new().finish();
        for size_bytes in [
            1,
            PART_BYTES,
            PART_BYTES + 1,
            PART_BYTES * PARTS,
            PART_BYTES * PARTS + 1,
            1 << 42,
        ] {
            let blob = BlobId { size_bytes, ..hash };
            let mut end = 0;
            let mut count = 0;
            for (offset, length) in parts(&blob) {
                assert_eq!(offset, end);
                assert!(length > 0);
                end = offset + length;
                count += 1;
            }
            assert_eq!(end, size_bytes);
            assert!(count <= 10_000, "{size_bytes}: {count}");
        }
    }
}
