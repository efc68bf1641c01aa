"""A small Engage Voice server, written from the vendor's pages and without a look at this module's own stand-in.

    engage.py bare|quoted json|braces true|empty

The arguments are the forms of three answers: a created token, a list of tokens, and a deletion. It prints its URL, and
ends when its standard input does. Besides the vendor's calls it has

    POST   /control/users/NAME        a user; the body is JSON with password and platformId; the client secret and the
                                      JWT are "secret-" and "jwt-" before the password, the client id is the name
    GET    /control/users/NAME        the user's live tokens, oldest first, and number of logins, as JSON
    POST   /control/users/NAME/token  a token that another program makes
"""

import base64
import http.server
import json
import secrets
import sys
import threading
import urllib.parse
import uuid

CREATED, LISTED, DELETED = sys.argv[1:]

lock = threading.Lock()
users = {}  # user name -> {"password", "platformId", "logins"}
tokens = {}  # permanent token -> user name
sessions = {}  # access, auth or platform token -> user name


def give(name):
    token = users[name]["platformId"] + ":" + str(uuid.uuid4())
    tokens[token] = name
    return token


def tokens_of(name):
    return [token for token, owner in tokens.items() if owner == name]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # header and body in one packet

    def log_message(self, *_):
        pass

    def answer(self, status, text="", kind="text/plain"):
        body = text.encode()
        self.send_response(status)
        if body:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_json(self, status, document):
        self.answer(status, json.dumps(document), "application/json")

    def denied(self):
        self.answer_json(403, {"errorCode": "access.denied.exception", "generalMessage": "Access is denied",
                               "requestUri": self.path, "timestamp": 1700000000000})

    def handle_call(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)))
        with lock:
            self.route(self.command, url.path, query, body)

    do_GET = do_POST = do_DELETE = handle_call

    def route(self, method, path, query, body):
        if path.startswith("/control/users/"):
            return self.control(method, path.split("/")[3:], body)
        form = dict(urllib.parse.parse_qsl(body))
        if (method, path) == ("POST", "/api/auth/login/admin"):
            return self.login(query, needs_platform=True)
        if (method, path) == ("POST", "/api/v1/auth/login"):
            return self.login(form, legacy=True)
        if (method, path) == ("POST", "/restapi/oauth/token"):
            return self.grant(form)
        if (method, path) == ("POST", "/api/auth/login/rc/accesstoken"):
            name = sessions.get(form.get("rcAccessToken"))
            return self.session(name) if name else self.answer(401, "invalid")
        for api, legacy in (("/voice/api/v1/admin/", False), ("/api/v1/admin/", True)):
            if path.startswith(api):
                return self.token_call(method, path[len(api):], legacy)
        self.answer(404, "<html><body>Not found</body></html>", "text/html")

    def login(self, sent, legacy=False, needs_platform=False):
        name = sent.get("username")
        user = users.get(name, {})
        want = {"username": name, "password": user.get("password")}
        if needs_platform:
            want["platformId"] = user.get("platformId")
        if not user or sent != want:
            return self.answer(401, "Bad credentials")
        self.session(name, legacy)

    def grant(self, form):
        scheme, _, basic = self.headers.get("Authorization", "").partition(" ")
        name, _, secret = base64.b64decode(basic).decode().partition(":") if scheme == "Basic" else ("", "", "")
        password = users.get(name, {}).get("password")
        if password is None or secret != "secret-" + password or form.get("assertion") != "jwt-" + password:
            return self.answer_json(400, {"error": "invalid_grant"})
        platform = secrets.token_urlsafe(24)
        sessions[platform] = name
        self.answer_json(200, {"access_token": platform, "token_type": "bearer", "expires_in": 3600})

    def session(self, name, legacy=False):
        users[name]["logins"] += 1
        access = "eyJ." + secrets.token_urlsafe(480) + ".sig"
        sessions[access] = name
        if legacy:
            document = {"authToken": access}
        else:
            document = {"refreshToken": secrets.token_urlsafe(30), "accessToken": access, "tokenType": "Bearer",
                        "mainAccountId": "1", "adminId": 7, "socketUrl": None}
        self.answer_json(200, document)

    def caller(self, legacy):
        """Returns the user, and whether it calls with a session."""
        scheme, _, bearer = self.headers.get("Authorization", "").partition(" ")
        own = self.headers.get("X-Auth-Token")
        if scheme == "Bearer":
            return None if legacy else sessions.get(bearer), True
        if legacy and own in sessions:
            return sessions[own], True
        return tokens.get(own), False

    def token_call(self, method, rest, legacy):
        name, session = self.caller(legacy)
        if name is None:
            return self.denied()
        if (method, rest) == ("GET", "token"):
            if LISTED == "json":
                return self.answer_json(200, tokens_of(name)[::-1])
            return self.answer(200, "{\n" + ",\n".join('  "%s"' % token for token in sorted(tokens_of(name))) + "\n}\n")
        if (method, rest) == ("POST", "token"):
            if not session:
                return self.answer(401, "Jwt verification fails")
            return self.answer(200, '"%s"\n' % give(name) if CREATED == "quoted" else give(name))
        if (method, rest) == ("GET", "accounts"):
            return self.answer_json(200, [{"accountId": "2", "accountName": "Sub", "mainAccountId": "1"}])
        if method == "DELETE" and rest.startswith("token/"):
            return self.delete(name, urllib.parse.unquote(rest[len("token/"):]))
        self.answer(405, "Method Not Allowed")

    def delete(self, name, token):
        if tokens.get(token) != name:
            if DELETED == "true":
                return self.answer_json(500, {"errorCode": "generic.exception"})
            return self.answer(404, "no such token")
        del tokens[token]
        if DELETED == "true":
            return self.answer(200, "true")
        self.answer(204)

    def control(self, method, names, body):
        name = urllib.parse.unquote(names[0])
        if method == "GET":
            return self.answer_json(200, {"tokens": tokens_of(name), "logins": users[name]["logins"]})
        if len(names) > 1:
            return self.answer(200, give(name))
        users[name] = dict(json.loads(body), logins=0)
        self.answer(204)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
print("http://127.0.0.1:%d" % server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
