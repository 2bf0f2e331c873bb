//! Everything that is signed, sealed or committed to, and what it binds: the walk through the formats,
//! written down once. There is no code here.
//!
//! A byte string that someone else will believe must bind everything that gives it meaning, or whoever
//! holds two genuine ones makes a third of them. *Bound* is what cannot be changed without being
//! noticed; the last column says what is not bound, and why that does no harm.
//!
//! | format | key | bound | not bound, and why not |
//! |---|---|---|---|
//! | [blob](crate::blob) | the key version's secret, which seals and does nothing else | the whole header (suite, flags, key id, version, chunk size, nonce), the context, each chunk's number, which is the last; by the nonce who began it | the key's policy: it is the device's to apply when the blob is opened, by what it is then. A deterministic blob has no nonce: whoever may seal puts chunks of his own behind its first ones |
//! | [wrapped key](crate::wrapped) | KDF of the vault's secret and id | the whole record (owner, label, id, tag, algorithm, usage, children, origin, state, policy, counters, version), whether it is a copy, family, generations; by the key the vault | of a copy, state and policy: those that count are the original's, found by its tag |
//! | slot of the vault | KDF of the vault's secret and id | shard, place, sequence, the whole content with the events that wait there | which of two records of one place is the newer: the sequence says it |
//! | header of the vault | KDF of the platform's root key | shard, all of its content | the copy of two that it stands in: both are alike |
//! | [manifest](crate::shares) | the device's, ECDSA | all of it; its front parts it from whatever else that key signs | what became of the key since: it comes back as it was |
//! | [commitment](crate::shares) | - (SHA-256) | hash of the manifest's attributes (all but the commitments: set, owner, label, id, algorithm, usage, children, policy, grants, threshold, recipients, versions, check values, device), index, text with its blinding | the other commitments: each stands alone |
//! | [share, to its holder](crate::shares) | HPKE to the holder's key | hash of the whole manifest, index; HPKE binds both public keys | who sealed it: the manifest is signed, and the text fits its commitment |
//! | [request](crate::shares) | the device's that restores, ECDSA | all of it: set, hash of the manifest, owner there, key pair of this one restore, device | the name of the restore: the key pair is another each time |
//! | [share, to a device](crate::shares) | HPKE to the request's key | hash of the manifest, hash of the request, index | which holder: the index says it, and the commitment whether it is genuine |
//! | [records of a log](crate::audit) | - (a chain of SHA-256) | vault, log, every record, its number and those before it, by the checkpoint's number and head | what is behind the checkpoint: `verify` says how many it covers. Where a part of the chain begins: the checkpoint says what the vault kept |
//! | [checkpoint](crate::audit) | the device's, ECDSA | all of it: vault, log, boot, time, number of the oldest record kept, number of records, head, nonce | whether the time is right: Linux said it. Whether it is the newest, but by a nonce: any genuine one covers the log up to where it was made |
//! | [ratchet token](crate::ratchet) | KDF of the key's version n | both epochs; by the key the key and its version | the key's id: two keys of one secret are in one epoch |
//! | [M2, M3](crate::auth) | KDF of the key | direction, both nonces, both names | the key's policy: each side applies its own |
//! | [session key](crate::auth) | KDF of the key | both nonces, both names | - |
//! | [child](#children) | KDF of the parent's version | algorithm, usage, ratchet and children of the child, its name | the parent's label: the secret is the parent's alone |
//! | [combined key](#combined-keys) | HKDF of the sources | their number, kinds and order, labels of keys, both public keys of an agreement, the ciphertext of a KEM, algorithm, usage, ratchet and children of the new key, info, salt, length | the KEM's public key: ML-KEM hashes it into the secret, and X-Wing does. The owner of the new key: both ends have one each |
//! | MAC, signature, GCM, CCM | the key version's secret | the message; nonce and associated data | key and version: another's secret does not verify it. What the message means is the caller's |
//! | key unwrapped by AES-KW | the key-encryption key | its bytes | what it shall be: the key-encryption key takes in one role only (its `children`) |
//! | [check value](#check-values) | the secret | - | everything: it tells whether two devices hold the same secret, and is no proof to anyone |
//! | ceremony of components, pending challenge, MAC stream | - (the trusted application's memory) | who began it; with which record (its tag) and use; of a stream which version; for a ceremony all that the key will be | - |
//! | certificate of the device's key | its issuer's | what X.509 has; here it must hold the device's public key | whether the issuer is to be trusted: for those to say who read it |
//!
//! # Tags of records
//!
//! Label, id and version number of a key can be chosen by whoever signs a manifest. So each record
//! has a random tag of 128 bits as well, drawn in the trusted application whenever a record is made,
//! by a restore too. It is in the record and in its wrapped copies, and in no message.
//!
//! # Children
//!
//! ```text
//! kdf-cmac     KDF(K, "claviger child v2", role || name, |child|)
//! hkdf-sha256  HKDF-Expand(K, "claviger child v2" || 0 || role || name, |child|)    RFC 5869, SHA-256
//! role         [algorithm]_8 || [usage]_8 || [1 if ratcheted, else 0]_8 || [children, else 0]_8     of the contract
//! id           the first 16 bytes of SHA-256("claviger child v2" || id of the parent || name)
//! KDF(K, label, context, L): NIST SP 800-108r1 in counter mode with AES-CMAC as PRF, r = 32, label
//!     and context parted by a zero byte, the length in bits as 32 bits at the end
//! ```
//!
//! K is the secret of the parent's version; of a ratcheted parent its W(n), see [`crate::ratchet`].
//!
//! # Combined keys
//!
//! ```text
//! Z      = S_1 || ... || S_n                            the sources' secrets, in the order given
//! out    = HKDF-Expand(HMAC-SHA-256(salt, Z), fixed, L)                              RFC 5869
//! fixed  = "claviger combine v3" || [n]_8 || source_1 || ... || source_n
//!          || role || [|salt|]_16 || [|info|]_16 || info || [L in bits]_32
//! role   = as of a child; 4 zeros for bytes that leave
//! source = [1]_8 || [|name|]_8 || name      a key: its label, or "label#child"
//!        | [2]_8 || SHA-256(P || Q)         an agreement: both public keys, the lesser first; of
//!                                           P-256 uncompressed (65 bytes), of X25519 as they came
//!        | [3]_8 || SHA-256(ciphertext)     a KEM, at both ends
//! ```
//!
//! A ciphertext of another length than the KEM's is refused with
//! [`BadPayload`](crate::Status::BadPayload). One of the right length never is: what was altered, or
//! made for another key, gives another secret (implicit rejection, FIPS 203, section 6.3), so that the
//! keys at both ends differ and what one protects the other refuses.
//!
//! # Check values
//!
//! ```text
//! check value = the first 5 bytes of AES-CMAC(secret, 16 zeros)        of 16 or 32 bytes
//!             | the first 5 bytes of AES-CMAC(K, 16 zeros)             of any other number,
//!               K = HKDF-SHA256(salt "", secret, info "claviger check value", 32 bytes)
//! ```
//!
//! # Associated data
//!
//! A blob's chunk is S2V over three components: header, context, position (RFC 5297). An empty
//! context counts as a component, so it stands there with no bytes, and S2V has three all the same. A
//! context has at most [`crate::limits::CONTEXT`] bytes. `encrypt` and `decrypt` take associated data
//! of any length that fits: with text, nonce and tag, and the bytes of a wrapped key, at most
//! [`crate::limits::PAYLOAD`] bytes, of which the text at most [`crate::limits::CHUNK`] (CCM: 65,535).
//! It is one string, absent and empty being the same, as GCM and CCM have it.
//!
//! # What uses up a pending exchange
//!
//! M2 names its pending challenge by R_B, M3 by R_B and R_A: one that names nothing pending is refused
//! ([`NoChallenge`](crate::Status::NoChallenge)) and uses up nothing, as does what is no message at
//! all. One that names it uses it up, whether the proof is right or wrong.
