"""A small Engage server, written from the vendor's page alone and in no way like the Go stand-in.

It prints its URL, then serves until it is killed. The forms of two answers are arguments:
    engage_server.py bare|quoted json|braces
What it holds is told by GET /peek.
"""
import http.server
import json
import sys
import urllib.parse
import uuid

CREATED, LISTED = sys.argv[1:3]
USER, PASSWORD, PLATFORM = "api.user@example.com", 'p&q/r?s#t+u%v"w ü€', "aws80"
TOKENS = ["aws80:" + str(uuid.uuid4()) for _ in range(3)]
FOREIGN = list(TOKENS)
SESSIONS, LOG = set(), []


class Engage(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, text, kind="application/json"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def known(self, bearer_only=False):
        scheme, _, bearer = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer" and bearer in SESSIONS:
            return True
        return not bearer_only and self.headers.get("X-Auth-Token") in TOKENS

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/api/auth/login/admin":
            LOG.append("login")
            sent = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True, strict_parsing=True))
            if sent != {"username": USER, "password": PASSWORD, "platformId": PLATFORM}:
                return self.reply(401, "")
            access = "eyJ." + uuid.uuid4().hex * 20 + ".sig"
            SESSIONS.add(access)
            return self.reply(200, json.dumps({"refreshToken": str(uuid.uuid4()), "accessToken": access, "tokenType": "Bearer"}))
        if url.path == "/voice/api/v1/admin/token":
            LOG.append("create")
            if not self.known(bearer_only=True):
                return self.reply(401, "Jwt verification fails", "text/plain")
            TOKENS.insert(0, "aws80:" + str(uuid.uuid4()))
            return self.reply(200, json.dumps(TOKENS[0]) if CREATED == "quoted" else TOKENS[0], "text/plain")
        return self.reply(404, "<html>no such page</html>", "text/html")

    def do_GET(self):
        if self.path == "/peek":
            return self.reply(200, json.dumps({"tokens": TOKENS, "foreign": FOREIGN, "log": LOG}))
        if self.path == "/voice/api/v1/admin/token":
            LOG.append("list")
            if not self.known():
                return self.reply(403, json.dumps({"errorCode": "access.denied.exception", "requestUri": self.path}))
            if LISTED == "json":
                return self.reply(200, json.dumps(TOKENS))
            return self.reply(200, "{\n" + ",\n".join('  "%s"' % t for t in TOKENS) + "\n}\n")
        return self.reply(404, "<html>no such page</html>", "text/html")

    def do_DELETE(self):
        LOG.append("delete")
        head, _, token = self.path.rpartition("/")
        token = urllib.parse.unquote(token)
        if head != "/voice/api/v1/admin/token" or not self.known():
            return self.reply(403, "")
        if token not in TOKENS:
            return self.reply(500, json.dumps({"errorCode": "generic.exception"}))
        TOKENS.remove(token)
        return self.reply(200, "true")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Engage)
print("http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
