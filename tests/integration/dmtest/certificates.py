"""Certificates for tests, made with a CA of their own."""
import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


class Certificate:
    """Paths of a certificate and its private key."""

    def __init__(self, cert, key):
        self.cert, self.key = cert, key


class Authority:
    """A CA whose files are in one directory; `ca` is the path of its certificate."""

    def __init__(self, directory, common_name="test ca", early=False):
        """`early`: keys as servers of 2015 read them."""
        self.dir, self.early = str(directory), early
        os.makedirs(self.dir, exist_ok=True)
        self._key = self._new_key()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = self._sign(self._name, self._key, 0, 3650, [(x509.BasicConstraints(True, None), True)])
        self.ca = self._write("ca.pem", certificate.public_bytes(serialization.Encoding.PEM))

    def _new_key(self):
        return rsa.generate_private_key(65537, 2048) if self.early else ec.generate_private_key(ec.SECP256R1())

    def issue(self, file, common_name, hosts=("127.0.0.1", "localhost"), since=-1, until=365):
        """A certificate that is valid from `since` to `until` days from now; replaces an older one of this file."""
        key = self._new_key()
        names = []
        for host in hosts:
            try:
                names.append(x509.IPAddress(ipaddress.ip_address(host)))
            except ValueError:
                names.append(x509.DNSName(host))
        extensions = [(x509.SubjectAlternativeName(names), False)] if names else []
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = self._sign(subject, key, since, until, extensions)
        # PKCS#8: what every server of today reads.
        form = serialization.PrivateFormat.TraditionalOpenSSL if self.early else serialization.PrivateFormat.PKCS8
        private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        return Certificate(self._write(f"{file}.pem", certificate.public_bytes(serialization.Encoding.PEM)),
                           self._write(f"{file}-key.pem", private))

    def _sign(self, subject, key, since, until, extensions):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=since) - datetime.timedelta(hours=1))
                   .not_valid_after(now + datetime.timedelta(days=until)))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, file, content):
        path = os.path.join(self.dir, file)
        with open(path + ".new", "wb") as f:
            f.write(content)
        os.rename(path + ".new", path)
        return path
