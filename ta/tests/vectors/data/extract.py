"""Writes the data files beside this one from the vectors of Python's `cryptography`.

    pip download --no-deps cryptography_vectors==50.0.2 && unzip -q cryptography_vectors-*.whl
    python3 extract.py cryptography_vectors

Its licence is Apache-2.0 OR BSD-3-Clause; the vectors in it are of NIST and the IETF. Each line is a
case, of hex fields with a space between; `-` is an empty one.
"""

import json
import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
HERE = pathlib.Path(__file__).parent
PACKAGE = "cryptography_vectors 50.0.2 (PyPI), Apache-2.0 OR BSD-3-Clause"


def write(name, comments, cases):
    lines = [f"# {comment}" for comment in [*comments, f"From {PACKAGE}, by extract.py."]]
    lines += [" ".join(field or "-" for field in case) for case in cases]
    (HERE / name).write_text("\n".join(lines) + "\n")


def blocks(path):
    """The cases of a NIST or RFC file: each a dict of its `NAME = value` lines and [settings]."""
    settings, case = {}, {}
    for line in [*(SOURCE / path).read_text().splitlines(), ""]:
        line = line.strip()
        setting = re.fullmatch(r"\[(.+?) *= *(.+)\]", line)
        field = re.fullmatch(r"(\w+) *=\s*(.*)", line)
        if setting:
            if case:
                yield settings | case
                case = {}
            settings[setting[1]] = setting[2]
        elif line == "FAIL":
            case["FAIL"] = "1"
        elif field:
            if field[1].lower() == "count" and case:
                yield settings | case
                case = {}
            case[field[1]] = field[2].strip()
    if case:
        yield settings | case


def hkdf():
    cases = [
        [case.get(name, "") for name in ("IKM", "salt", "info", "PRK", "OKM")]
        for case in blocks("KDF/rfc-5869-HKDF-SHA256.txt")
    ]
    write("hkdf.txt", ["RFC 5869, appendices A.1 to A.3.", "IKM, salt, info, PRK, OKM."], cases)


def kdf():
    cases = [
        [case["KI"], case["FixedInputData"], case["KO"]]
        for case in blocks("KDF/nist-800-108-KBKDF-CTR.txt")
        if case["PRF"] in ("CMAC_AES128", "CMAC_AES256")
        and case["CTRLOCATION"] == "BEFORE_FIXED"
        and case["RLEN"] == "32_BITS"
    ]
    comments = [
        "NIST CAVP, SP 800-108 KDF (CAVS 14.4): counter mode, CMAC with AES-128 and AES-256, a",
        "32-bit counter before the fixed input.",
        "KI, fixed input, KO.",
    ]
    write("kdf.txt", comments, cases)


def x25519():
    cases = [
        [case["INPUT_SCALAR"], case["INPUT_U"], case["OUTPUT_U"]]
        for case in blocks("asymmetric/X25519/rfc7748.txt")
    ]
    write("x25519.txt", ["RFC 7748, section 5.2.", "Scalar, u, X25519(scalar, u)."], cases)


hkdf()
kdf()
x25519()
