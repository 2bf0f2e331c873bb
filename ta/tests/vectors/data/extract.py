"""Writes the data files beside this one from the vectors of Python's `cryptography`.

    pip download --no-deps cryptography_vectors==50.0.2 && unzip -q cryptography_vectors-*.whl
    python3 extract.py cryptography_vectors x-wing-0.1.1/tests/test-vectors.json

The second file is of crate x-wing. Licences: Apache-2.0 OR BSD-3-Clause; Apache-2.0 OR MIT. The
vectors in them are of NIST and the IETF. Each line is a case, of hex fields with a space between;
`-` is an empty one.
"""

import json
import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
HERE = pathlib.Path(__file__).parent
PACKAGE = "cryptography_vectors 50.0.2 (PyPI), Apache-2.0 OR BSD-3-Clause"


def write(name, comments, cases, package=PACKAGE):
    lines = [f"# {comment}" for comment in [*comments, f"From {package}, by extract.py."]]
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


def gcm(key_bits):
    """Of each group of 15, the first 4; only nonces of 96 bits and whole tags."""
    for case in blocks(f"ciphers/AES/GCM/gcmDecrypt{key_bits}.rsp"):
        if case["IVlen"] == "96" and case["Taglen"] == "128" and int(case["Count"]) < 4:
            fields = [case[name] for name in ("Key", "IV", "AAD", "CT", "Tag")]
            yield fields, None if "FAIL" in case else case["PT"]


def ccm(name):
    """Of each group of 10 or so, the first 2; only nonces of 13 bytes and whole tags."""
    case, complete = {}, False
    for line in [*(SOURCE / f"ciphers/AES/CCM/{name}.rsp").read_text().splitlines(), ""]:
        for field, value in re.findall(r"(\w+) = (\w+)", line):
            case[field] = value
            complete |= field == "Count"
        if line or not complete:
            continue
        complete = False
        if case["Nlen"] == "13" and case["Tlen"] == "16" and int(case["Count"]) % 10 < 2:
            associated = case["Adata"] if int(case["Alen"]) else ""
            text, tag = case["CT"][:-32], case["CT"][-32:]
            plain = case["Payload"] if int(case["Plen"]) else ""
            fields = [case["Key"], case["Nonce"], associated, text, tag]
            yield fields, None if case.pop("Result", "Pass").startswith("Fail") else plain


def aead():
    cases = [*gcm(128), *gcm(256)]
    cases += [case for kind in ("VADT", "VPT", "DVPT") for size in (128, 256) for case in ccm(f"{kind}{size}")]
    comments = [
        "NIST CAVP, a selection: AES-GCM (CAVS 14.0, gcmDecrypt) with nonces of 12 bytes, AES-CCM",
        "(CAVS 11.0, VADT, VPT, DVPT) with nonces of 13; AES-128 and AES-256.",
    ]
    fields = "Key, nonce, associated data, ciphertext, tag"
    valid = [[*case, plain] for case, plain in cases if plain is not None]
    write("aead.txt", [*comments, f"{fields}, plaintext."], valid)
    forged = [case for case, plain in cases if plain is None]
    write("aead_forged.txt", [*comments, f"{fields}, of which one is altered."], forged)


def key_wrap(algorithm):
    cases = [
        case
        for size in (128, 256)
        for case in blocks(f"keywrap/kwtestvectors/{algorithm}_AD_{size}.txt")
        if int(case["PLAINTEXT LENGTH"]) <= 512 and int(case["COUNT"]) < 10
    ]
    comments = [
        f"NIST CAVP, SP 800-38F (CAVS 17.4, {algorithm}_AD), a selection: AES-128 and AES-256, keys up to",
        "64 bytes.",
    ]
    name = algorithm.lower()
    valid = [[case["K"], case["C"], case["P"]] for case in cases if "P" in case]
    write(f"{name}.txt", [*comments, "Wrapping key, wrapped key, key."], valid)
    forged = [[case["K"], case["C"]] for case in cases if "FAIL" in case]
    write(f"{name}_forged.txt", [*comments, "Wrapping key, wrapped key, altered."], forged)


def hpke():
    """The first text of the base-mode case of the suite: its others need a context of many texts."""
    cases = [
        [case["ikmE"], case["skRm"], case["pkRm"], case["info"], first["aad"], case["enc"], first["ct"], first["pt"]]
        for case in json.loads((SOURCE / "HPKE/test-vectors.json").read_text())
        if (case["mode"], case["kem_id"], case["kdf_id"], case["aead_id"]) == (0, 0x20, 1, 2)
        for first in case["encryptions"][:1]
    ]
    comments = [
        "The vectors of RFC 9180 (github.com/cfrg/draft-irtf-cfrg-hpke, test-vectors.json): mode_base,",
        "DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.",
        "ikmE, skRm, pkRm, info, aad, enc, ct, pt.",
    ]
    write("hpke.txt", comments, cases)


def ml_kem():
    """The first 3: one is 5 KB."""
    cases = [
        [case["d"] + case["z"], case["msg"], case["pk"], case["ct"], case["ss"], case["ct_n"], case["ss_n"]]
        for case in blocks("asymmetric/MLKEM/kat_MLKEM_768.rsp")
        if int(case["count"]) < 3
    ]
    comments = [
        "ML-KEM-768, FIPS 203 (kat_MLKEM_768.rsp).",
        "d || z, m, public key, ciphertext, shared secret, a ciphertext of no one, what it decapsulates to.",
    ]
    write("ml_kem.txt", comments, cases)


def x_wing():
    cases = json.loads(pathlib.Path(sys.argv[2]).read_text())
    comments = [
        "draft-connolly-cfrg-xwing-kem, spec/test-vectors.json.",
        "Seed, randomness of the encapsulation, public key, ciphertext, shared secret.",
    ]
    fields = ("seed", "eseed", "pk", "ct", "ss")
    lines = [[case[field] for field in fields] for case in cases]
    write("x_wing.txt", comments, lines, "crate x-wing 0.1.1, Apache-2.0 OR MIT")


hkdf()
kdf()
x25519()
aead()
key_wrap("KW")
key_wrap("KWP")
hpke()
ml_kem()
x_wing()
