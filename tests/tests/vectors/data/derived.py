"""Recomputes children, ratcheted keys and combined keys from their specification (the modules
`keyring::in_use` and `ops::combine` of the trusted application and `ratchet` of the contract) with
OpenSSL's KBKDF, HKDF, CMAC, ECDH and X25519 through `cryptography`, and prints them as
derived.txt."""

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# The contract's numbers and lengths.
ALGORITHMS = {
    "aes-256-siv": (1, 64, 1),
    "aes-128-siv": (2, 32, 1),
    "aes-128-cmac": (3, 16, 2),
    "aes-256-cmac": (4, 32, 2),
    "hmac-sha256": (5, 32, 2),
    "ed25519": (7, 32, 3),
    "x25519": (14, 32, 6),
}
CHALLENGE = 4


def kdf(key, label, context, length):
    return KBKDFCMAC(
        algorithm=AES,
        mode=Mode.CounterMode,
        length=length,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=label,
        context=context,
        fixed=None,
    ).derive(key)


def cmac(key, message):
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


def expand(key, info, length):
    return HKDFExpand(hashes.SHA256(), length, info).derive(key)


def role(name, usage=None, ratchet=False, children=0):
    number, _, first = ALGORITHMS[name]
    return bytes([number, usage or first, ratchet, children])


def child(parent, key, algorithm, name):
    context = role(algorithm) + name.encode()
    length = ALGORITHMS[algorithm][1]
    if parent == "kdf-cmac":
        return kdf(key, b"claviger child v2", context, length)
    return expand(key, b"claviger child v2\0" + context, length)


def step(key, number):
    return kdf(key, b"claviger ratchet v1", struct.pack(">I", number), len(key))


def working(key, number):
    return kdf(key, b"claviger ratchet key v1", struct.pack(">I", number), len(key))


def token(key, start, end):
    covered = b"CLVE" + struct.pack(">II", start, end)
    epoch = kdf(key, b"claviger ratchet epoch v1", struct.pack(">I", start), len(key))
    return covered + cmac(epoch, covered)


def combine(sources, salt, info, what, length):
    z = b"".join(secret for _, secret in sources)
    fixed = b"claviger combine v3" + bytes([len(sources)])
    fixed += b"".join(bound for bound, _ in sources)
    fixed += what + struct.pack(">HH", len(salt), len(info)) + info + struct.pack(">I", 8 * length)
    return expand(hmac.new(salt, z, hashlib.sha256).digest(), fixed, length)


def named(name, secret):
    return bytes([1, len(name)]) + name.encode(), secret


def agreed(one, other, secret):
    return b"\2" + hashlib.sha256(min(one, other) + max(one, other)).digest(), secret


def key(seed, length=32):
    return hashlib.shake_128(seed.encode()).digest(length)


print("# Made by derived.py.")
print("# child: algorithm of the parent, its key, algorithm, name, the child's key")
for parent in ["kdf-cmac", "hkdf-sha256"]:
    for algorithm in ALGORITHMS:
        for name in ["a", "line/3", "n" * 64]:
            secret = key(parent + algorithm + name)
            made = child(parent, secret, algorithm, name)
            print("child", parent, secret.hex(), algorithm, name, made.hex())

print("# ratchet: algorithm, key of version 1, version, tag of 'message' in it, token from 1 to it")
for algorithm in ["aes-128-cmac", "aes-256-cmac", "hmac-sha256"]:
    first = key("ratchet" + algorithm, ALGORITHMS[algorithm][1])
    chain = first
    for number in range(2, 41):
        chain = step(chain, number)
        if number not in [2, 3, 17, 40]:
            continue
        work = working(chain, number)
        if algorithm == "hmac-sha256":
            tag = hmac.new(work, b"message", hashlib.sha256).digest()
        else:
            tag = cmac(work, b"message")
        print("ratchet", algorithm, first.hex(), number, tag.hex(), token(first, 1, number).hex())

print("# combined: keys p and q, salt, info, length, bytes that leave (p before q)")
for salt, info, length in [(b"", b"", 16), (b"salt", b"info", 32), (b"s" * 64, b"i" * 200, 64)]:
    p, q = key("p" + str(length)), key("q" + str(length))
    out = combine([named("p", p), named("q", q)], salt, info, bytes(4), length)
    print("combined", p.hex(), q.hex(), salt.hex() or "-", info.hex() or "-", length, out.hex())

print("# agreed: algorithm, private key, peer's public key, bytes that leave; info is 'agreed'")
for seed in ["one", "two"]:
    own, other = (x25519.X25519PrivateKey.from_private_bytes(key(seed + end)) for end in "ab")
    public = other.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    mine = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    out = combine([agreed(mine, public, own.exchange(other.public_key()))], b"", b"agreed", bytes(4), 32)
    print("agreed", "x25519", key(seed + "a").hex(), public.hex(), out.hex())
    own, other = (
        ec.derive_private_key(int.from_bytes(key(seed + end)[1:], "big"), ec.SECP256R1())
        for end in "cd"
    )
    public = other.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = own.exchange(ec.ECDH(), other.public_key())
    mine = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    out = combine([agreed(mine, public, shared)], b"", b"agreed", bytes(4), 32)
    private = b"\0" + key(seed + "c")[1:]
    print("agreed", "ecdh-p256", private.hex(), public.hex(), out.hex())
