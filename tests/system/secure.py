"""A Kafka that lets in by TLS only: a password or a certificate, and rights (ACLs) for each. The
authorities and certificates are made here with openssl; whoever comes without TLS by the test's own
listener may do everything."""
import re
import subprocess

from kafka.admin import (ACL, ACLFilter, ACLOperation, ACLPermissionType, ACLResourcePatternType,
                         KafkaAdminClient, ResourcePattern, ResourcePatternFilter, ResourceType)

from broker import Broker, free_port

KINDS = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP,
         "transactional id": ResourceType.TRANSACTIONAL_ID}
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(directory, *words):
    subprocess.run(["openssl", *words], cwd=directory, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Authority:
    """Vouches for certificates: name.pem with name.key."""

    def __init__(self, directory, name):
        self.dir, self.name = directory, name
        openssl(self.dir, "req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem",
                "-subj", f"/CN={name}", "-days", "2")

    @property
    def file(self):
        return self.dir / f"{self.name}.pem"

    def vouch(self, name, host=None):
        ext = self.dir / f"{name}.ext"
        ext.write_text(f"subjectAltName={host}\n" if host else "basicConstraints=CA:FALSE\n")
        openssl(self.dir, "req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj",
                f"/CN={name}")
        openssl(self.dir, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.pem", "-CAkey",
                f"{self.name}.key", "-CAcreateserial", "-days", "2", "-out", f"{name}.pem",
                "-extfile", ext.name)
        return self.dir / f"{name}.pem", self.dir / f"{name}.key"


class SecureBroker(Broker):
    """Listeners: `secured` (password), `certified` (client certificate), `misnamed` (a certificate of
    another host), and bootstrap, which is the test's own. users: {name: password}, all of which
    may come by PLAIN; those of scram by SCRAM-SHA-512."""

    def __init__(self, directory, users, scram):
        directory.mkdir(parents=True)
        self.authority = Authority(directory, "authority")
        self.stranger = Authority(directory, "stranger")
        ports = {name: free_port() for name in ("PASSWORD", "CERTIFICATE", "MISNAMED")}
        self.secured, self.certified, self.misnamed = (f"127.0.0.1:{p}" for p in ports.values())
        super().__init__(
            directory, scram=scram,
            listeners={name: ("SSL" if name == "CERTIFICATE" else "SASL_SSL", port)
                       for name, port in ports.items()},
            settings={
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
                "listener.name.certificate.ssl.client.auth": "required",
                **self.tls("password", "IP:127.0.0.1"), **self.tls("certificate", "IP:127.0.0.1"),
                **self.tls("misnamed", "DNS:elsewhere.example"),
                **self.logins("password", users), **self.logins("misnamed", users)})

    def tls(self, listener, host):
        certificate, key = self.authority.vouch(f"broker-{listener}", host)
        store = self.authority.dir / f"{listener}.store"
        store.write_text(key.read_text() + certificate.read_text())
        settings = {"keystore.type": "PEM", "keystore.location": store, "truststore.type": "PEM",
                    "truststore.location": self.authority.file}
        return {f"listener.name.{listener}.ssl.{name}": value for name, value in settings.items()}

    @staticmethod
    def logins(listener, users):
        package = "org.apache.kafka.common.security"
        known = " ".join(f'user_{name}="{password}"' for name, password in users.items())
        return {
            f"listener.name.{listener}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            f"listener.name.{listener}.plain.sasl.jaas.config":
                f"{package}.plain.PlainLoginModule required {known};",
            f"listener.name.{listener}.scram-sha-512.sasl.jaas.config":
                f"{package}.scram.ScramLoginModule required;",
        }

    # ---- rights ----

    def admin(self, call, what):
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        try:
            return getattr(admin, call)(what)
        finally:
            admin.close()

    def grant(self, principal, rights):
        """rights: (kind, name, operation), the name with a star at its end for a prefix."""
        self.admin("create_acls", [
            ACL(f"User:{principal}", "*", ACLOperation[operation], ACLPermissionType.ALLOW,
                ResourcePattern(KINDS[kind], *pattern(name))) for kind, name, operation in rights])

    def revoke(self, principal, rights):
        self.admin("delete_acls", [
            ACLFilter(f"User:{principal}", "*", ACLOperation[operation], ACLPermissionType.ALLOW,
                      ResourcePatternFilter(KINDS[kind], *pattern(name)))
            for kind, name, operation in rights])


def pattern(name):
    if name.endswith("*"):
        return name[:-1], ACLResourcePatternType.PREFIXED
    return name, ACLResourcePatternType.LITERAL


def rights_of(page):
    """The table of docs/rights.md: {role: [(kind, name, operation)]}."""
    roles, role = {}, None
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 4 or cells[1] not in KINDS:
            continue
        role = cells[0].partition(":")[0] or role
        roles.setdefault(role, []).extend(
            (cells[1], cells[2], re.sub("(?<=[a-z])(?=[A-Z])", "_", operation.strip()).upper())
            for operation in cells[3].split(","))
    return roles
