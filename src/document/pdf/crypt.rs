//! Reading documents that are encrypted with the empty password (ISO 32000-2, 7.6).
//!
//! Publishers encrypt in order to forbid printing or copying; such documents open without a password, and
//! their titles are strings that must be decrypted. Revisions 2 to 6 of the standard security handler are
//! known. A document with a password of its own, or with another handler, stays closed.

use aes::{Aes128, Aes256};
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser, KeyIvInit, consts::U16};
use md5::Md5;
use rc4::{KeyInit, Rc4, StreamCipher};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::lex::{Dict, ObjectId, Value};

/// What a short password is filled up with (algorithm 2, step a).
const PADDING: [u8; 32] = [
    0x28, 0xbf, 0x4e, 0x5e, 0x4e, 0x75, 0x8a, 0x41, 0x64, 0x00, 0x4e, 0x56, 0xff, 0xfa, 0x01, 0x08,
    0x2e, 0x2e, 0x00, 0xb6, 0xd0, 0x68, 0x3e, 0x80, 0x2f, 0x0c, 0xa9, 0xfe, 0x64, 0x53, 0x69, 0x7a,
];
const BLOCK_BYTES: usize = 16;

/// The key of a document, and what it is used with.
pub(super) struct Cipher {
    key: Vec<u8>,
    strings: Method,
    streams: Method,
    /// Whether metadata streams are encrypted like other streams.
    pub covers_metadata: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Method {
    Identity,
    Rc4,
    Aes128,
    Aes256,
}

impl Cipher {
    /// The cipher that `encrypt`, the encryption dictionary, describes, if the empty password opens it.
    /// `file_id` is the first string of the trailer's `/ID`.
    pub fn of(encrypt: Dict<'_>, file_id: &[u8]) -> Option<Self> {
        if !encrypt.names(b"Filter", b"Standard") {
            return None;
        }
        let version = encrypt.integer(b"V")?;
        let (strings, streams) = match version {
            1 | 2 => (Method::Rc4, Method::Rc4),
            4 | 5 => (method(encrypt, b"StrF")?, method(encrypt, b"StmF")?),
            _ => return None,
        };
        let covers_metadata = encrypt.get(b"EncryptMetadata") != Some(Value::Boolean(false));
        let key = if version == 5 {
            long_key(encrypt)?
        } else {
            short_key(encrypt, version, file_id, covers_metadata)?
        };
        Some(Self {
            key,
            strings,
            streams,
            covers_metadata,
        })
    }

    /// A string of the object `id`, decrypted.
    pub fn open_string(&self, id: ObjectId, bytes: Vec<u8>) -> Vec<u8> {
        self.open(self.strings, id, bytes)
    }

    /// The stream of the object `id`, decrypted; its end may be garbage where `bytes` go beyond it.
    pub fn open_stream(&self, id: ObjectId, bytes: Vec<u8>) -> Vec<u8> {
        self.open(self.streams, id, bytes)
    }

    fn open(&self, method: Method, id: ObjectId, mut bytes: Vec<u8>) -> Vec<u8> {
        match method {
            Method::Identity => bytes,
            Method::Rc4 => {
                apply_rc4(&self.object_key(id, b""), &mut bytes);
                bytes
            }
            Method::Aes128 => {
                undo_aes::<cbc::Decryptor<Aes128>>(&self.object_key(id, b"sAlT"), bytes)
            }
            Method::Aes256 => undo_aes::<cbc::Decryptor<Aes256>>(&self.key, bytes),
        }
    }

    /// The key of one object (algorithm 1).
    fn object_key(&self, id: ObjectId, salt: &[u8]) -> Vec<u8> {
        let digest = Md5::new()
            .chain_update(&self.key)
            .chain_update(&id.number.to_le_bytes()[..3])
            .chain_update(id.generation.to_le_bytes())
            .chain_update(salt)
            .finalize();
        digest[..digest.len().min(self.key.len() + 5)].to_vec()
    }
}

/// The method of the crypt filter that `encrypt` names under `key`.
fn method(encrypt: Dict<'_>, key: &[u8]) -> Option<Method> {
    let Some(Value::Name(name)) = encrypt.get(key) else {
        return Some(Method::Identity);
    };
    if name.as_ref() == b"Identity" {
        return Some(Method::Identity);
    }
    match encrypt.dict(b"CF")?.dict(&name)?.get(b"CFM")? {
        Value::Name(method) => match method.as_ref() {
            b"None" => Some(Method::Identity),
            b"V2" => Some(Method::Rc4),
            b"AESV2" => Some(Method::Aes128),
            b"AESV3" => Some(Method::Aes256),
            _ => None,
        },
        _ => None,
    }
}

/// The key of revisions 2 to 4 (algorithm 2), proved against `/U` (algorithm 6).
fn short_key(
    encrypt: Dict<'_>,
    version: i64,
    file_id: &[u8],
    covers_metadata: bool,
) -> Option<Vec<u8>> {
    let revision = encrypt.integer(b"R")?;
    let owner = encrypt.text(b"O")?;
    let user = encrypt.text(b"U")?;
    let permissions = encrypt.integer(b"P")?.to_le_bytes();
    let key_bytes = match version {
        1 => 5,
        4 => 16,
        _ => usize::try_from(encrypt.integer(b"Length").unwrap_or(40)).ok()? / 8,
    };
    if !(5..=16).contains(&key_bytes) {
        return None;
    }
    let mut digest = Md5::new()
        .chain_update(PADDING)
        .chain_update(owner.get(..32)?)
        .chain_update(&permissions[..4])
        .chain_update(file_id);
    if revision >= 4 && !covers_metadata {
        digest.update([0xff; 4]);
    }
    let mut key = digest.finalize();
    if revision >= 3 {
        for _ in 0..50 {
            key = Md5::digest(&key[..key_bytes]);
        }
    }
    let key = key[..key_bytes].to_vec();
    (user_proof(&key, revision, file_id) == user.get(..BLOCK_BYTES)?).then_some(key)
}

/// The first bytes that `/U` has if `key` is right (algorithms 4 and 5).
fn user_proof(key: &[u8], revision: i64, file_id: &[u8]) -> Vec<u8> {
    if revision < 3 {
        let mut proof = PADDING[..BLOCK_BYTES].to_vec();
        apply_rc4(key, &mut proof);
        return proof;
    }
    let digest = Md5::new().chain_update(PADDING).chain_update(file_id);
    let mut proof = digest.finalize().to_vec();
    for round in 0..20 {
        let round_key: Vec<u8> = key.iter().map(|byte| byte ^ round).collect();
        apply_rc4(&round_key, &mut proof);
    }
    proof
}

/// The key of revisions 5 and 6 (algorithm 2.A), proved against `/U`.
fn long_key(encrypt: Dict<'_>) -> Option<Vec<u8>> {
    let user = encrypt.text(b"U")?;
    let (proof, salts) = (user.get(..32)?, user.get(32..48)?);
    let hash = match encrypt.integer(b"R")? {
        5 => |salt: &[u8]| Some(Sha256::digest(salt).to_vec()),
        6 => hardened_hash,
        _ => return None,
    };
    if hash(&salts[..8])? != proof {
        return None;
    }
    let sealed = encrypt.text(b"UE")?;
    let mut sealed = sealed.get(..32)?.to_vec();
    let key = hash(&salts[8..])?;
    let decryptor = cbc::Decryptor::<Aes256>::new_from_slices(&key, &[0; BLOCK_BYTES]).ok()?;
    decrypt_blocks(decryptor, &mut sealed);
    Some(sealed)
}

/// The hash of revision 6 for an empty password (algorithm 2.B).
fn hardened_hash(salt: &[u8]) -> Option<Vec<u8>> {
    let mut hash = Sha256::digest(salt).to_vec();
    for round in 0_u32.. {
        let mut blocks = hash.repeat(64);
        let mut encryptor =
            cbc::Encryptor::<Aes128>::new_from_slices(hash.get(..16)?, hash.get(16..32)?).ok()?;
        for block in blocks.chunks_exact_mut(BLOCK_BYTES) {
            encryptor.encrypt_block(block.try_into().ok()?);
        }
        let remainder = blocks[..BLOCK_BYTES]
            .iter()
            .map(|&byte| u32::from(byte))
            .sum::<u32>()
            % 3;
        hash = match remainder {
            0 => Sha256::digest(&blocks).to_vec(),
            1 => Sha384::digest(&blocks).to_vec(),
            _ => Sha512::digest(&blocks).to_vec(),
        };
        // Ends by itself at the latest in round 287, where every last byte is low enough.
        if round >= 63 && u32::from(*blocks.last()?) <= round - 31 {
            break;
        }
    }
    hash.truncate(32);
    Some(hash)
}

fn apply_rc4(key: &[u8], bytes: &mut [u8]) {
    if let Ok(mut cipher) = Rc4::new_from_slice(key) {
        cipher.apply_keystream(bytes);
    }
}

/// Undoes AES in CBC mode, whose first block is the initial vector, and takes the padding off.
fn undo_aes<D>(key: &[u8], mut bytes: Vec<u8>) -> Vec<u8>
where
    D: KeyIvInit + BlockModeDecrypt + BlockSizeUser<BlockSize = U16>,
{
    if bytes.len() < BLOCK_BYTES {
        return Vec::new();
    }
    let mut body = bytes.split_off(BLOCK_BYTES);
    let Ok(decryptor) = D::new_from_slices(key, &bytes) else {
        return Vec::new();
    };
    body.truncate(body.len() - body.len() % BLOCK_BYTES);
    decrypt_blocks(decryptor, &mut body);
    let padding = body.last().map_or(0, |&last| usize::from(last));
    if (1..=BLOCK_BYTES).contains(&padding) {
        body.truncate(body.len().saturating_sub(padding));
    }
    body
}

/// Decrypts whole blocks in place; what is left over stays.
fn decrypt_blocks<D>(mut decryptor: D, bytes: &mut [u8])
where
    D: BlockModeDecrypt + BlockSizeUser<BlockSize = U16>,
{
    for block in bytes.chunks_exact_mut(BLOCK_BYTES) {
        if let Ok(block) = block.try_into() {
            decryptor.decrypt_block(block);
        }
    }
}
