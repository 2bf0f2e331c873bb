#!/usr/bin/env python3
"""Recomputes challenge_response.txt with another implementation: Python's `cryptography`.

Usage: python3 challenge_response.py > challenge_response.txt

Each line is one exchange: names, key and nonces, then what follows from them, as
claviger_proto::auth specifies it.
"""

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.kbkdf import (
    KBKDFCMAC, CounterLocation, Mode)

LABEL = b"claviger 9798-4 v1"
SESSION_LABEL = b"claviger 9798-4 v1 session"


def derive(key, label, context, length):
    """NIST SP 800-108r1, counter mode, AES-CMAC, r = 32, [L]_32 at the end."""
    return KBKDFCMAC(
        algorithm=AES, mode=Mode.CounterMode, length=length, rlen=4, llen=4,
        location=CounterLocation.BeforeFixed, label=label, context=context,
        fixed=None).derive(key)


def cmac(key, message):
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


def name(text):
    return bytes([len(text)]) + text


def exchange(key, challenger, responder, r_b, r_a):
    names = name(responder) + name(challenger)
    k = derive(key, LABEL, b"", len(key))
    t_a = cmac(k, LABEL + b"\x02" + r_a + r_b + names)
    t_b = cmac(k, LABEL + b"\x03" + r_b + r_a + names)
    session = derive(k, SESSION_LABEL, r_b + r_a + names, 32)
    m1 = b"CLV1" + r_b
    m2 = b"CLV2" + r_b + r_a + t_a
    m3 = b"CLV3" + r_b + r_a + t_b
    return [challenger.decode(), responder.decode()] + [
        part.hex() for part in (key, r_b, r_a, m1, m2, m3, session)]


print("# challenger responder key R_B R_A M1 M2 M3 session-key")
for size in 16, 32:
    key = bytes(range(size))
    for challenger, responder in (b"server", b"device-17"), (b"a", b"n" * 64):
        r_b = bytes(range(0xB0, 0xC0))
        r_a = bytes(range(0xA0, 0xB0))
        print(*exchange(key, challenger, responder, r_b, r_a))
