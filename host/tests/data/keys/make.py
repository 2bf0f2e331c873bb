"""Makes the files beside this one: keys as other programs write them, and what is wrong with keys.

Made with OpenSSL 3.0.19 (`openssl`), OpenSSH 9.2 (`ssh-keygen`) and Python's cryptography 48. What is
encrypted has the passphrase "correct horse". The files are kept, so that tests need none of these; who
runs this again gets others wherever salts and signatures are random.
"""

import base64, json, os, shutil, subprocess, sys
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519

HERE = os.path.dirname(os.path.abspath(__file__))
PASS = "correct horse"
GOOD, BAD = os.path.join(HERE, "good"), os.path.join(HERE, "bad")
for directory in (GOOD, BAD):
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
# Of 31 bytes, so that whoever leaves leading zeros out shows it.
D256 = int.from_bytes(bytes(range(1, 32)), "big")
D384 = int.from_bytes(bytes(range(1, 49)), "big")
SEED = bytes(range(32))
p256 = ec.derive_private_key(D256, ec.SECP256R1())
p384 = ec.derive_private_key(D384, ec.SECP384R1())
ed = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
# For OpenSSH's form, in which ssh-key reads no scalar that begins with a zero byte.
D256B = int.from_bytes(bytes(range(101, 133)), "big")
p256b = ec.derive_private_key(D256B, ec.SECP256R1())
x = x25519.X25519PrivateKey.from_private_bytes(SEED)
RAW = {"p256": D256.to_bytes(32, "big"), "p384": D384.to_bytes(48, "big"), "ed25519": SEED, "x25519": SEED}
KEYS = {"p256": p256, "p384": p384, "ed25519": ed, "x25519": x}


def put(path, data):
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def good(name):
    return os.path.join(GOOD, name)


def bad(name):
    return os.path.join(BAD, name)


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def tlv(tag, body):
    length = len(body)
    head = bytes([length]) if length < 128 else bytes([0x81, length]) if length < 256 else bytes([0x82, length >> 8, length & 255])
    return bytes([tag]) + head + body


def pem(label, der, width=64):
    text = base64.b64encode(der).decode()
    lines = [text[i:i + width] for i in range(0, len(text), width)]
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, "\n".join(lines), label)


def body(text):
    return base64.b64decode("".join(line for line in text.splitlines() if not line.startswith("-----")))


spki, point = {}, {}
for name, key in KEYS.items():
    pkcs8 = key.private_bytes(ser.Encoding.DER, ser.PrivateFormat.PKCS8, ser.NoEncryption())
    # OpenSSL writes them anew in its own way.
    put(good(name + "-pkcs8.der"), run("openssl", "pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER", stdin=pkcs8))
    put(good(name + "-pkcs8.pem"), run("openssl", "pkcs8", "-topk8", "-nocrypt", "-inform", "DER", stdin=pkcs8))
    put(good(name + "-encrypted.pem"), run("openssl", "pkcs8", "-topk8", "-inform", "DER", "-passout", "pass:" + PASS, stdin=pkcs8))
    spki[name] = key.public_key().public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
    put(good(name + "-public.pem"), run("openssl", "pkey", "-inform", "DER", "-pubout", stdin=pkcs8))
pkcs8 = open(good("p256-pkcs8.der"), "rb").read()
for name, options in {"scrypt": ["-scrypt"], "sha1": ["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"], "aes-128": ["-v2", "aes-128-cbc"],
                      "sha512": ["-v2prf", "hmacWithSHA512"], "3des": ["-v2", "des3"]}.items():
    put(good("p256-encrypted-%s.der" % name), run("openssl", "pkcs8", "-topk8", "-inform", "DER", "-outform", "DER", "-passout", "pass:" + PASS, *options, stdin=pkcs8))
put(good("p256-encrypted-python.pem"), p256.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.BestAvailableEncryption(PASS.encode())))

# SEC 1.
for name in ("p256", "p384"):
    traditional = run("openssl", "ec", "-inform", "DER", stdin=KEYS[name].private_bytes(ser.Encoding.DER, ser.PrivateFormat.PKCS8, ser.NoEncryption()))
    put(good(name + "-sec1.pem"), traditional)
    put(good(name + "-sec1.der"), run("openssl", "ec", "-outform", "DER", stdin=traditional))
sec1 = open(good("p256-sec1.pem")).read()
params = pem("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))
put(good("p256-sec1-parameters.pem"), params + sec1)
P256_OID, P384_OID = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06052b81040022")
half = p256.public_key().public_bytes(ser.Encoding.X962, ser.PublicFormat.UncompressedPoint)
other_half = ec.derive_private_key(77, ec.SECP256R1()).public_key().public_bytes(ser.Encoding.X962, ser.PublicFormat.UncompressedPoint)
compressed = p256.public_key().public_bytes(ser.Encoding.X962, ser.PublicFormat.CompressedPoint)


def ec_key(scalar, oid=None, public=None):
    out = tlv(2, b"\x01") + tlv(4, scalar)
    if oid:
        out += tlv(0xA0, oid)
    if public:
        out += tlv(0xA1, tlv(3, b"\0" + public))
    return tlv(0x30, out)


def pkcs8_of(algorithm, private, public=None, version=0):
    out = tlv(2, bytes([version])) + tlv(0x30, algorithm) + tlv(4, private)
    if public:
        out += tlv(0x81, b"\0" + public)
    return tlv(0x30, out)


EC_OID = bytes.fromhex("06072a8648ce3d0201")
put(good("p256-sec1-31-bytes.der"), ec_key(RAW["p256"][1:], P256_OID, half))
put(good("p256-sec1-33-bytes.der"), ec_key(b"\0" + RAW["p256"], P256_OID, half))
put(good("p256-sec1-no-public.der"), ec_key(RAW["p256"], P256_OID))
put(good("p256-sec1-compressed.der"), ec_key(RAW["p256"], P256_OID, compressed))
put(good("p256-sec1-curve-before.pem"), params + pem("EC PRIVATE KEY", ec_key(RAW["p256"])))
put(good("p256-pkcs8-31-bytes.der"), pkcs8_of(EC_OID + P256_OID, ec_key(RAW["p256"][1:])))
ed_public = ed.public_key().public_bytes_raw()
ED_OID, X_OID = bytes.fromhex("06032b6570"), bytes.fromhex("06032b656e")
put(good("ed25519-pkcs8-v2.der"), pkcs8_of(ED_OID, tlv(4, SEED), ed_public, 1))
put(bad("mismatch-pkcs8-v2.der"), pkcs8_of(ED_OID, tlv(4, SEED), x.public_key().public_bytes_raw(), 1))
put(bad("mismatch-sec1.der"), ec_key(RAW["p256"], P256_OID, other_half))
put(bad("mismatch-pkcs8.der"), pkcs8_of(EC_OID + P256_OID, ec_key(RAW["p256"], None, other_half)))
put(bad("two-curves.der"), pkcs8_of(EC_OID + P256_OID, ec_key(RAW["p256"], P384_OID)))
put(bad("two-curves.pem"), pem("EC PARAMETERS", P384_OID) + sec1)
put(bad("no-curve.pem"), pem("EC PRIVATE KEY", ec_key(RAW["p256"])))
put(bad("scalar-0.der"), ec_key(bytes(32), P256_OID))
put(bad("scalar-order.der"), ec_key(bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"), P256_OID))
put(bad("scalar-too-long.der"), ec_key(b"\1" + RAW["p256"], P256_OID))
put(bad("half-off-curve.der"), ec_key(RAW["p256"], P256_OID, half[:-1] + bytes([half[-1] ^ 1])))
put(bad("trailing-pkcs8.der"), pkcs8 + b"\0")
put(bad("trailing-sec1.pem"), pem("EC PRIVATE KEY", open(good("p256-sec1.der"), "rb").read() + b"more"))
put(bad("cut.der"), pkcs8[:-1])
put(bad("ed25519-seed-not-nested.der"), pkcs8_of(ED_OID, SEED))
put(bad("ed25519-seed-31.der"), pkcs8_of(ED_OID, tlv(4, SEED[:31])))

# JWK.
numbers = p256.public_key().public_numbers()


def jwk_of(name, **more):
    key = KEYS[name]
    if name in ("p256", "p384"):
        size = len(RAW[name])
        numbers = key.public_key().public_numbers()
        jwk = {"kty": "EC", "crv": "P-256" if size == 32 else "P-384", "x": b64u(numbers.x.to_bytes(size, "big")), "y": b64u(numbers.y.to_bytes(size, "big"))}
    else:
        jwk = {"kty": "OKP", "crv": "Ed25519" if name == "ed25519" else "X25519", "x": b64u(key.public_key().public_bytes_raw())}
    jwk.update(more)
    return {field: value for field, value in jwk.items() if value is not None}


for name in KEYS:
    put(good(name + "-public.jwk"), json.dumps(jwk_of(name, kid="1", use=None)))
    put(good(name + ".jwk"), json.dumps(jwk_of(name, d=b64u(RAW[name])), indent=1))
put(good("p256-enc.jwk"), json.dumps(jwk_of("p256", d=b64u(RAW["p256"]), use="enc")))
put(good("p256-set.jwk"), json.dumps({"keys": [jwk_of("p256", d=b64u(RAW["p256"]))]}))
put(good("hs256.jwk"), json.dumps({"kty": "oct", "alg": "HS256", "k": b64u(SEED)}))
put(good("oct.jwk"), json.dumps({"kty": "oct", "k": b64u(SEED)}))
put(bad("set-of-two.jwk"), json.dumps({"keys": [jwk_of("p256", d=b64u(RAW["p256"])), jwk_of("p384", d=b64u(RAW["p384"]))]}))
put(bad("mismatch.jwk"), json.dumps(jwk_of("ed25519", d=b64u(RAW["p384"][:32]))))
put(bad("alg-es384.jwk"), json.dumps(jwk_of("p256", d=b64u(RAW["p256"]), alg="ES384")))
put(bad("coordinate-31-bytes.jwk"), json.dumps(jwk_of("p256", d=b64u(RAW["p256"]), x=b64u(numbers.x.to_bytes(32, "big")[1:]))))
put(bad("d-31-bytes.jwk"), json.dumps(jwk_of("p256", d=b64u(RAW["p256"][1:]))))
put(bad("no-x.jwk"), json.dumps(jwk_of("p256", d=b64u(RAW["p256"]), x=None)))
put(bad("padded.jwk"), json.dumps(jwk_of("ed25519", d=b64u(SEED) + "=")))
put(bad("twice-d.jwk"), '{"kty":"OKP","crv":"Ed25519","x":"%s","d":"%s","d":"%s"}' % (b64u(ed_public), b64u(SEED), b64u(SEED)))
put(bad("okp-p256.jwk"), json.dumps(jwk_of("p256", kty="OKP", d=b64u(RAW["p256"]))))
put(bad("rsa.jwk"), json.dumps({"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"}))
put(bad("secp256k1.jwk"), json.dumps(jwk_of("p256", crv="secp256k1", d=b64u(RAW["p256"]))))
put(bad("hs512.jwk"), json.dumps({"kty": "oct", "alg": "HS512", "k": b64u(SEED)}))

# OpenSSH.
for name, key in {"p256": p256, "p256b": p256b, "p384": p384, "ed25519": ed}.items():
    path = good(name + ".openssh")
    put(path, key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.OpenSSH, ser.NoEncryption()))
    os.chmod(path, 0o600)
    # ssh-keygen writes it anew in its own way.
    run("ssh-keygen", "-p", "-q", "-f", path, "-P", "", "-N", "", "-C", "made by ssh-keygen")
    put(good(name + ".ssh"), run("ssh-keygen", "-y", "-f", path))
    copy = good(name + "-encrypted.openssh")
    shutil.copy(path, copy)
    cipher = {"p384": "aes256-gcm@openssh.com"}.get(name, "aes256-ctr")
    run("ssh-keygen", "-p", "-q", "-f", copy, "-P", "", "-N", PASS, "-Z", cipher, "-a", "4")
os.rename(good("p256.openssh"), bad("short-scalar.openssh"))
os.rename(good("p256-encrypted.openssh"), bad("short-scalar-encrypted.openssh"))
run("ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", bad("rsa.openssh"))
os.rename(bad("rsa.openssh.pub"), bad("rsa.ssh"))
run("ssh-keygen", "-q", "-t", "ecdsa", "-b", "521", "-N", "", "-f", bad("p521.openssh"))
os.rename(bad("p521.openssh.pub"), bad("p521.ssh"))
put(bad("rfc4716.ssh"), run("ssh-keygen", "-e", "-f", good("ed25519.ssh")))
put(bad("two.ssh"), open(good("ed25519.ssh")).read() + open(good("p256.ssh")).read())

# What is not offered.
for name, options in {"rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "rsa-pss": ["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"],
                      "p521": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "secp256k1": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
                      "ed448": ["-algorithm", "ED448"], "x448": ["-algorithm", "X448"],
                      "explicit": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"]}.items():
    put(bad(name + ".pem"), run("openssl", "genpkey", *options))
    put(bad(name + "-public.pem"), run("openssl", "pkey", "-in", bad(name + ".pem"), "-pubout"))
put(bad("rsa-pkcs1.pem"), run("openssl", "rsa", "-traditional", "-in", bad("rsa.pem")))
put(bad("rsa-pkcs1-public.pem"), run("openssl", "rsa", "-in", bad("rsa.pem"), "-RSAPublicKey_out"))
put(bad("explicit-sec1.pem"), run("openssl", "ec", "-in", bad("explicit.pem")))
run("openssl", "dsaparam", "-out", bad("dsa.tmp"), "1024")
put(bad("dsa.pem"), run("openssl", "gendsa", bad("dsa.tmp")))
os.remove(bad("dsa.tmp"))
put(bad("old-encryption.pem"), run("openssl", "ec", "-in", good("p256-sec1.pem"), "-aes256", "-passout", "pass:" + PASS))

# Certificates.
key = good("p256-pkcs8.pem")
for name, signer in {"p256": key, "ed25519": good("ed25519-pkcs8.pem"), "rsa": bad("rsa.pem")}.items():
    put(bad("certificate-%s.pem" % name), run("openssl", "req", "-x509", "-new", "-key", signer, "-subj", "/CN=device", "-days", "36500"))
certificate = open(bad("certificate-p256.pem")).read()
put(bad("certificate.der"), body(certificate))
put(bad("request.pem"), run("openssl", "req", "-new", "-key", key, "-subj", "/CN=device"))
put(bad("pkcs12.p12"), run("openssl", "pkcs12", "-export", "-inkey", key, "-in", bad("certificate-p256.pem"), "-passout", "pass:" + PASS))
put(bad("parameters.pem"), params)
plain, public = open(key).read(), open(good("p256-public.pem")).read()
put(good("p256-with-certificate.pem"), certificate + plain)
put(bad("with-other-certificate.pem"), plain + open(bad("certificate-ed25519.pem")).read())
put(bad("with-other-public.pem"), plain + open(good("ed25519-public.pem")).read())
put(bad("two-keys.pem"), plain + open(good("p384-pkcs8.pem")).read())
put(bad("empty"), b"")
put(bad("no-end.pem"), plain.replace("-----END PRIVATE KEY-----\n", ""))
put(bad("not-base64.pem"), plain.replace("M", "*", 1))
put(bad("label-of-another.pem"), pem("PRIVATE KEY", spki["p256"]))

# Layout, which does not matter.
for name, text in {
    "one-line-body": pem("PUBLIC KEY", spki["p256"], 1000),
    "one-line": "-----BEGIN PUBLIC KEY-----" + base64.b64encode(spki["p256"]).decode() + "-----END PUBLIC KEY-----",
    "76-columns": pem("PUBLIC KEY", spki["p256"], 76),
    "20-columns": pem("PUBLIC KEY", spki["p256"], 20),
    "blank-lines": public.replace("\n", "\n\n"),
    "crlf": public.replace("\n", "\r\n"),
    "byte-order-mark": "\ufeff" + public,
    "trailing-spaces": public.replace("\n", "  \n"),
    "indented": "".join("  " + line + "\n" for line in public.splitlines()),
    "text-around": "Subject: a key\n" + public + "that was it\n",
    "latin-1-around": "Schl\xfcssel\n",
    "other-blocks": params + certificate + public,
    "headers": public.replace("-----\n", "-----\nComment: made by hand\n\n", 1),
}.items():
    data = text.encode("latin-1") + public.encode() if name == "latin-1-around" else text.encode()
    put(good("layout-%s.pem" % name), data)

# Public keys.
put(good("p256-public.der"), spki["p256"])
put(good("p256-public.raw"), half)
put(good("p256-compressed.raw"), compressed)
put(bad("point-off-curve.pem"), pem("PUBLIC KEY", spki["p256"][:-1] + bytes([spki["p256"][-1] ^ 1])))
put(bad("point-hybrid.pem"), pem("PUBLIC KEY", spki["p256"][:-65] + bytes([6 + (half[-1] & 1)]) + half[1:]))
put(bad("x25519-zero.pem"), pem("PUBLIC KEY", spki["x25519"][:-32] + bytes(32)))
put(bad("ed25519-small-order.pem"), pem("PUBLIC KEY", spki["ed25519"][:-32] + b"\1" + bytes(31)))
put(bad("trailing-public.pem"), pem("PUBLIC KEY", spki["p256"] + b"\0"))
put(bad("two-public.pem"), public + open(good("p384-public.pem")).read())
put(bad("p256-private-is-no-public.jwk"), open(good("p256.jwk"), "rb").read())
put(bad("use-sig.jwk"), json.dumps(jwk_of("p256", use="sig")))

RAW["p256b"] = D256B.to_bytes(32, "big")
spki["p256b"] = p256b.public_key().public_bytes(ser.Encoding.DER, ser.PublicFormat.SubjectPublicKeyInfo)
for name, raw in RAW.items():
    put(good(name + ".raw"), raw)
    put(good(name + ".fingerprint"), "SHA256:" + base64.b64encode(__import__("hashlib").sha256(spki[name]).digest()).rstrip(b"=").decode())

# Signatures over "a message".
message = os.path.join(HERE, "good", "message.raw")
put(message, b"a message")
for name, options in {"p256": ["-sha256"], "p384": ["-sha384"], "ed25519": None}.items():
    signer = good(name + "-pkcs8.pem")
    if options is None:
        signature = run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", signer, "-in", message)
    else:
        signature = run("openssl", "dgst", *options, "-sign", signer, message)
    put(good(name + "-signature.raw"), signature)
