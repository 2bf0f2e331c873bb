"""Recomputes sealed blobs from their specification (the module `blob` of the contract) with
OpenSSL's AES-SIV through `cryptography`, and prints them as sealed.txt."""

import struct

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

SUITES = {64: 1, 32: 2}


def seal(key, key_id, version, chunk, nonce, context, plaintext):
    deterministic = nonce == bytes(16)
    header = b"CLVB" + bytes([1, SUITES[len(key)], deterministic, 0])
    header += key_id + struct.pack(">II", version, chunk) + nonce
    chunks = [plaintext[i : i + chunk] for i in range(0, len(plaintext), chunk)] or [b""]
    blob = header
    for index, text in enumerate(chunks):
        last = index == len(chunks) - 1
        position = struct.pack(">QB", index, last)
        if text:
            blob += AESSIV(key).encrypt(text, [header, context, position])
        else:
            # OpenSSL refuses an empty plaintext: S2V of it is that of one more, empty string.
            blob += s2v(key[: len(key) // 2], [header, context, position, b""])
    return blob


def s2v(key, strings):
    """RFC 5297, section 2.4, for a last string shorter than a block."""
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.cmac import CMAC

    def cmac(message):
        mac = CMAC(AES(key))
        mac.update(message)
        return int.from_bytes(mac.finalize(), "big")

    def dbl(value):
        return (value << 1 ^ (0x87 if value >> 127 else 0)) & ((1 << 128) - 1)

    d = cmac(bytes(16))
    for string in strings[:-1]:
        d = dbl(d) ^ cmac(string)
    padded = (strings[-1] + b"\x80").ljust(16, b"\0")
    return cmac((dbl(d) ^ int.from_bytes(padded, "big")).to_bytes(16, "big")).to_bytes(16, "big")


def main():
    print("# Sealed blobs: key, context, plaintext, blob; - is empty.")
    print("# Printed by sealed.py with Python's `cryptography`, an implementation that shares nothing with ours.")
    rising = bytes(range(256))
    for key in (rising[:64], rising[100:132]):
        for chunk, nonce, context, size in (
            (65536, bytes(16), b"", 0),
            (65536, bytes(16), b"context", 5),
            (65536, rising[200:216], b"context", 40),
            (16, bytes(16), b"", 16),
            (16, rising[200:216], b"c", 17),
            (16, bytes(16), rising[:100], 64),
        ):
            blob = seal(key, rising[50:66], 1 + size, chunk, nonce, context, rising[:size])
            print(key.hex(), context.hex() or "-", rising[:size].hex() or "-", blob.hex())


main()
