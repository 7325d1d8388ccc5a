//! Requests to the store: bounded waits, retries, and what its refusals mean.
//!
//! The crate below is asynchronous; the runtime that it needs lives and ends here, and nobody above this
//! room sees it. Two threads serve it.
//!
//! # Bounded waits
//!
//! A request that gets no answer is tried again with growing pauses and given up after [`LIMIT`]. One that
//! sends much may take longer than that on a slow line; while it does, the store is asked for a sign of life,
//! and the request ends when none comes. Once the store was found out of reach, requests fail at once
//! for [`REST`], so that a caller with many things to ask waits once and not for each. The first request
//! after that asks again: nothing has to be restarted when the store comes back.

use std::future::Future;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::HttpError;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectStore as _, ObjectStoreExt as _,
    PutMode, PutPayload, RetryConfig,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::super::{Error, Result};
use super::credentials::Credentials;
use super::url::StoreUrl;

/// Longest wait for one request.
const LIMIT: Duration = Duration::from_secs(8);
/// How long a request is tried anew.
const TRIED: Duration = Duration::from_secs(5);
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a store that was out of reach is not asked again.
const REST: Duration = Duration::from_secs(1);
/// How long an upload may take until the store is asked for a sign of life, and again after each.
const SIGN_EVERY: Duration = Duration::from_secs(3);
/// Longest wait for that sign. With the above it is no longer than [`LIMIT`].
const SIGN: Duration = Duration::from_secs(5);
/// Longest upload of one part.
const UPLOAD: Duration = Duration::from_mins(15);
/// Threads of the runtime.
const THREADS: usize = 2;

/// Why a request has no result.
#[derive(Debug)]
pub(super) enum Refusal {
    /// There is no such object.
    Missing,
    /// An object is there already, or being made.
    Exists,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a request gives.
pub(super) type Answer<T> = std::result::Result<T, Refusal>;

/// What is known of an object without its bytes.
pub(super) struct Object {
    pub(super) key: String,
    pub(super) size_bytes: u64,
    pub(super) etag: Option<String>,
}

/// A connection to the store. Its methods wait, and must not be called on a thread of its runtime; what
/// is `async` is for those.
pub(super) struct Client {
    url: StoreUrl,
    /// For requests that are answered soon.
    quick: AmazonS3,
    /// For requests that send much.
    patient: AmazonS3,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    /// Since when, and why, the store is out of reach.
    out_of_reach: Mutex<Option<(Instant, String)>>,
}

impl Client {
    /// A client of the store at `url`. Nothing is asked yet.
    pub(super) fn new(url: StoreUrl, keys: &Credentials) -> Result<Self> {
        let failed = |fault: String| Error::Store {
            store: url.to_string(),
            fault,
        };
        let build = |timeout: Duration, max_retries: usize| {
            let options = ClientOptions::new()
                .with_connect_timeout(CONNECT)
                .with_timeout(timeout);
            let retry = RetryConfig {
                backoff: BackoffConfig {
                    init_backoff: Duration::from_millis(100),
                    max_backoff: Duration::from_secs(1),
                    base: 2.0,
                },
                max_retries,
                retry_timeout: TRIED,
            };
            let mut builder = AmazonS3Builder::new()
                .with_bucket_name(url.bucket())
                .with_access_key_id(&keys.key_id)
                .with_secret_access_key(&keys.secret)
                .with_virtual_hosted_style_request(url.is_virtual_host())
                // Not all stores have it, and it is not needed.
                .with_disable_bulk_delete(true)
                .with_client_options(options)
                .with_retry(retry);
            if let Some(token) = &keys.token {
                builder = builder.with_token(token);
            }
            if let Some(region) = url.region() {
                builder = builder.with_region(region);
            }
            if let Some(endpoint) = url.endpoint() {
                builder = builder
                    .with_endpoint(endpoint)
                    .with_allow_http(endpoint.starts_with("http://"));
            }
            builder.build().map_err(|e| failed(reason(&e)))
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("object-store")
            .enable_all()
            .build()
            .map_err(|e| failed(e.to_string()))?;
        Ok(Self {
            quick: build(LIMIT, 50)?,
            // Made anew by us: a condition and a part are not tried twice by the crate.
            patient: build(UPLOAD, 0)?,
            runtime: Some(runtime),
            out_of_reach: Mutex::new(None),
            url,
        })
    }

    pub(super) fn url(&self) -> &StoreUrl {
        &self.url
    }

    /// The runtime.
    ///
    /// # Panics
    ///
    /// Never: it is taken away only by `drop`.
    pub(super) fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("it is there until the drop")
    }

    /// What is known of the object called `name`.
    pub(super) fn head(&self, name: &str) -> Answer<Object> {
        let path = self.path(name)?;
        let meta = self.run(self.quick.head(&path))?;
        Ok(Object {
            key: meta.location.to_string(),
            size_bytes: meta.size,
            etag: meta.e_tag,
        })
    }

    /// Bytes of the object called `name`, and its size.
    pub(super) fn get(&self, name: &str, range: Range<u64>) -> Answer<(Vec<u8>, u64)> {
        self.runtime().block_on(self.get_async(name, range))
    }

    /// The same, for the runtime.
    pub(super) async fn get_async(&self, name: &str, range: Range<u64>) -> Answer<(Vec<u8>, u64)> {
        let path = self.path(name)?;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        self.bounded(async {
            let found = self.quick.get_opts(&path, options).await?;
            let size_bytes = found.meta.size;
            Ok((found.bytes().await?.to_vec(), size_bytes))
        })
        .await
    }

    /// Makes an object of `bytes`, if there is none of that name. Stores that know no conditions replace it.
    pub(super) async fn put_new(&self, name: &str, bytes: Vec<u8>) -> Answer<()> {
        let path = self.path(name)?;
        let payload = PutPayload::from(bytes);
        self.patient(|| {
            let payload = payload.clone();
            self.patient
                .put_opts(&path, payload, PutMode::Create.into())
        })
        .await
        .map(drop)
    }

    /// Begins an object that comes in parts.
    pub(super) fn begin_parts(&self, name: &str) -> Answer<String> {
        let path = self.path(name)?;
        self.run(self.quick.create_multipart(&path))
    }

    /// Sends a part.
    pub(super) async fn put_part(
        &self,
        name: &str,
        upload: &String,
        number: usize,
        bytes: Vec<u8>,
    ) -> Answer<PartId> {
        let path = self.path(name)?;
        let payload = PutPayload::from(bytes);
        self.patient(|| {
            let payload = payload.clone();
            self.patient.put_part(&path, upload, number, payload)
        })
        .await
    }

    /// Makes an object of all parts.
    pub(super) fn join_parts(&self, name: &str, upload: &String, parts: &[PartId]) -> Answer<()> {
        let path = self.path(name)?;
        // The store may have to copy them all.
        let join = self.patient(|| {
            self.patient
                .complete_multipart(&path, upload, parts.to_vec())
        });
        self.runtime().block_on(join).map(drop)
    }

    /// Drops parts. That is done aside, and tried once.
    pub(super) fn drop_parts(&self, name: &str, upload: String) {
        let Ok(path) = self.path(name) else { return };
        let store = self.quick.clone();
        // What stays is for the bucket's own rule.
        self.runtime().spawn(async move {
            let _ = timeout(LIMIT, store.abort_multipart(&path, &upload)).await;
        });
    }

    /// Removes the object called `name`.
    pub(super) fn delete(&self, name: &str) -> Answer<()> {
        let path = self.path(name)?;
        self.run(self.quick.delete(&path))
    }

    /// Copies an object within the store.
    pub(super) fn copy(&self, from: &str, to: &str) -> Answer<()> {
        let (from, to) = (self.path(from)?, self.path(to)?);
        let copy = self.patient(|| self.patient.copy(&from, &to));
        self.runtime().block_on(copy)
    }

    /// A page of the objects whose names begin with `prefix`, in the order of their keys, and the mark of the
    /// next.
    pub(super) fn list(
        &self,
        prefix: &str,
        page: Option<String>,
    ) -> Result<(Vec<Object>, Option<String>)> {
        let options = PaginatedListOptions {
            page_token: page,
            ..PaginatedListOptions::default()
        };
        let prefix = self.url.key(prefix);
        let prefix = Some(prefix.as_str()).filter(|prefix| !prefix.is_empty());
        match self.run(self.quick.list_paginated(prefix, options)) {
            Ok(found) => {
                let objects = found.result.objects.into_iter().map(|meta| Object {
                    key: meta.location.to_string(),
                    size_bytes: meta.size,
                    etag: meta.e_tag,
                });
                Ok((objects.collect(), found.page_token))
            }
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::Missing | Refusal::Exists) => Err(self.failed("there is no such bucket")),
        }
    }

    fn path(&self, name: &str) -> Result<Path> {
        Path::parse(self.url.key(name)).map_err(|e| self.failed(&e.to_string()))
    }

    fn failed(&self, fault: &str) -> Error {
        Error::Store {
            store: self.url.to_string(),
            fault: fault.to_owned(),
        }
    }

    /// What the store was asked for and did not give.
    pub(super) fn unexpected(&self, refusal: Refusal) -> Error {
        match refusal {
            Refusal::Failed(error) => error,
            Refusal::Missing => self.failed("an object or the bucket is not there"),
            Refusal::Exists => self.failed("an object is being made by somebody else"),
        }
    }

    fn run<T>(&self, request: impl Future<Output = object_store::Result<T>>) -> Answer<T> {
        self.runtime().block_on(self.bounded(request))
    }

    /// A request that is answered soon.
    async fn bounded<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Answer<T> {
        self.require_reach()?;
        match timeout(LIMIT, request).await {
            Ok(answer) => self.judge(answer),
            Err(_) => Err(self.lost("it does not answer".to_owned()).into()),
        }
    }

    /// A request that sends much, made anew while the store is out of reach for no longer than [`TRIED`].
    async fn patient<T, F>(&self, request: impl Fn() -> F) -> Answer<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        self.require_reach()?;
        let mut pause = Duration::from_millis(100);
        let mut failing_since = None;
        loop {
            let answer = self.while_alive(request()).await?;
            let is_lost = matches!(&answer, Err(error) if is_out_of_reach(error));
            if !is_lost || failing_since.get_or_insert_with(Instant::now).elapsed() > TRIED {
                return self.judge(answer);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    }

    /// Waits for a request as long as the store is alive.
    async fn while_alive<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Answer<object_store::Result<T>> {
        let mut request = std::pin::pin!(request);
        loop {
            if let Ok(answer) = timeout(SIGN_EVERY, &mut request).await {
                return Ok(answer);
            }
            let path = self.path("sign-of-life")?;
            let sign = std::pin::pin!(async {
                match timeout(SIGN, self.quick.head(&path)).await {
                    Ok(Err(error)) if is_out_of_reach(&error) => Err(reason(&error)),
                    Ok(_) => Ok(()),
                    Err(_) => Err("it does not answer".to_owned()),
                }
            });
            // The request must go on meanwhile.
            match first_of(request.as_mut(), sign).await {
                First::Left(answer) => return Ok(answer),
                First::Right(Ok(())) => {}
                First::Right(Err(why)) => return Err(self.lost(why).into()),
            }
        }
    }

    /// What an answer means.
    fn judge<T>(&self, answer: object_store::Result<T>) -> Answer<T> {
        use object_store::Error as E;
        let error = match answer {
            Ok(value) => {
                *self.reach() = None;
                return Ok(value);
            }
            Err(error) => error,
        };
        if is_out_of_reach(&error) {
            return Err(self.lost(reason(&error)).into());
        }
        *self.reach() = None;
        Err(match &error {
            E::NotFound { .. } if !error.to_string().contains("NoSuchBucket") => Refusal::Missing,
            E::AlreadyExists { .. } | E::Precondition { .. } => Refusal::Exists,
            _ => self.failed(&reason(&error)).into(),
        })
    }

    fn reach(&self) -> std::sync::MutexGuard<'_, Option<(Instant, String)>> {
        self.out_of_reach
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the store is out of reach.
    fn lost(&self, why: String) -> Error {
        *self.reach() = Some((Instant::now(), why.clone()));
        self.unreachable(why)
    }

    fn unreachable(&self, why: String) -> Error {
        Error::Unreachable {
            store: self.url.to_string(),
            why,
        }
    }

    /// An error if the store was out of reach a moment ago.
    fn require_reach(&self) -> Result<()> {
        match &*self.reach() {
            Some((since, why)) if since.elapsed() < REST => Err(self.unreachable(why.clone())),
            _ => Ok(()),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The last to hold this may be a task of the runtime itself, which must not wait for its own end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Which of two came first.
enum First<L, R> {
    Left(L),
    Right(R),
}

/// Waits for the first of two.
async fn first_of<L: Future + Unpin, R: Future + Unpin>(
    mut left: L,
    mut right: R,
) -> First<L::Output, R::Output> {
    use std::pin::Pin;
    use std::task::Poll;
    std::future::poll_fn(move |context| {
        if let Poll::Ready(left) = Pin::new(&mut left).poll(context) {
            return Poll::Ready(First::Left(left));
        }
        Pin::new(&mut right).poll(context).map(First::Right)
    })
    .await
}

/// Whether an error says that the store cannot be reached or cannot answer now, and not that it refuses.
fn is_out_of_reach(error: &object_store::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<HttpError>() {
            return true;
        }
        cause = error.source();
    }
    let text = error.to_string();
    ["status code: 5", "status code: 429", "status code: 408"]
        .iter()
        .any(|status| text.contains(status))
}

/// What an error says, in one line, without what the store repeats of the request: that may hold keys.
fn reason(error: &object_store::Error) -> String {
    let text = error.to_string();
    if let Some((before, body)) = text.split_once('<') {
        let status = before.rsplit_once("status code: ").map_or("", |(_, s)| s);
        let part = |tag: &str| {
            let (_, rest) = body.split_once(&format!("<{tag}>"))?;
            Some(rest.split_once('<')?.0.to_owned())
        };
        let code = part("Code").unwrap_or_default();
        let told = match code.as_str() {
            "NoSuchBucket" => "there is no such bucket",
            "AccessDenied" => "these keys may not do that",
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" => "it does not know these keys",
            _ => status.trim_end_matches([':', ' ']),
        };
        return format!("{told} ({code})");
    }
    if let Some((_, status)) = text.rsplit_once("status code: ") {
        return status.trim_end_matches([':', ' ']).to_owned();
    }
    let mut inner: &dyn std::error::Error = error;
    while let Some(cause) = inner.source() {
        inner = cause;
    }
    inner.to_string()
}
