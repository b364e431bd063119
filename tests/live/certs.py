"""Certificates for live tests, made by openssl on the spot."""
import pathlib
import subprocess


def openssl(*words):
    subprocess.run(['openssl', *(str(w) for w in words)], check=True,
                   timeout=60, capture_output=True)


class Authority:
    """A CA in a folder of its own; ca is its certificate's path."""

    def __init__(self, folder, name='ca'):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.ca, self.key = self.folder / 'ca.pem', self.folder / 'ca.key'
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:prime256v1', '-nodes', '-days', 2,
                '-subj', '/CN=' + name, '-keyout', self.key, '-out', self.ca)

    def issue(self, name, alternatives='IP:127.0.0.1'):
        """(certificate, key) for a server, or of a client."""
        request = self.folder / (name + '.csr')
        certificate = self.folder / (name + '.pem')
        key = self.folder / (name + '.key')
        extensions = self.folder / (name + '.ext')
        extensions.write_text('subjectAltName=%s\n' % alternatives)
        openssl('req', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:prime256v1', '-nodes', '-subj',
                '/CN=' + name, '-keyout', key, '-out', request)
        openssl('x509', '-req', '-in', request, '-CA', self.ca, '-CAkey',
                self.key, '-CAcreateserial', '-days', 2, '-extfile',
                extensions, '-out', certificate)
        return certificate, key
