"""A small Engage Voice server, written from the vendor's pages and without a look at this module's own stand-in.

It prints the address that it listens at, and ends with its standard input. Besides the vendor's calls it has

    POST   /control/users/NAME       the body is the password; the client secret and the JWT are made of it
    GET    /control/users/NAME       the user's permanent tokens, as JSON
    POST   /control/users/NAME/token makes a token as another program does
"""

import base64
import http.server
import json
import secrets
import sys
import threading
import urllib.parse
import uuid

lock = threading.Lock()
passwords = {}  # user name -> password
tokens = {}  # permanent token -> user name
sessions = {}  # access, auth or platform token -> user name


def give(name):
    token = "engage9:" + str(uuid.uuid4())
    tokens[token] = name
    return token


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

    def denied(self):
        self.answer(403, json.dumps({"errorCode": "access.denied.exception", "generalMessage": "Access is denied",
                                     "requestUri": self.path, "timestamp": 1700000000000}), "application/json")

    def handle_call(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        with lock:
            self.route(self.command, url.path, dict(urllib.parse.parse_qsl(url.query)), body)

    do_GET = do_POST = do_DELETE = handle_call

    def route(self, method, path, query, body):
        form = dict(urllib.parse.parse_qsl(body))
        if path.startswith("/control/users/"):
            return self.control(method, path.split("/")[3:], body)
        if (method, path) == ("POST", "/api/auth/login/admin"):
            if query.get("platformId") != "engage9":
                return self.answer(401, "bad platform")
            return self.login(query.get("username"), query.get("password"))
        if (method, path) == ("POST", "/api/v1/auth/login"):
            return self.login(form.get("username"), form.get("password"), legacy=True)
        if (method, path) == ("POST", "/restapi/oauth/token"):
            return self.grant(form)
        if (method, path) == ("POST", "/api/auth/login/rc/accesstoken"):
            name = sessions.get(form.get("rcAccessToken"))
            return self.session(name) if name else self.answer(401, "invalid")
        for api, legacy in (("/voice/api/v1/admin/", False), ("/api/v1/admin/", True)):
            if path.startswith(api):
                return self.token_call(method, path[len(api):], legacy)
        self.answer(404, "<html><body>Not found</body></html>", "text/html")

    def login(self, name, password, legacy=False):
        if name not in passwords or passwords[name] != password:
            return self.answer(401, "Bad credentials")
        self.session(name, legacy)

    def grant(self, form):
        scheme, _, basic = self.headers.get("Authorization", "").partition(" ")
        name, _, secret = base64.b64decode(basic).decode().partition(":") if scheme == "Basic" else ("", "", "")
        if name not in passwords or secret != "secret-" + passwords[name] or form.get("assertion") != "jwt-" + passwords[name]:
            return self.answer(400, json.dumps({"error": "invalid_grant"}), "application/json")
        platform = secrets.token_urlsafe(24)
        sessions[platform] = name
        self.answer(200, json.dumps({"access_token": platform, "token_type": "bearer", "expires_in": 3600}), "application/json")

    def session(self, name, legacy=False):
        access = secrets.token_urlsafe(30)
        sessions[access] = name
        if legacy:
            document = {"authToken": access}
        else:
            document = {"refreshToken": secrets.token_urlsafe(30), "accessToken": access, "tokenType": "Bearer",
                        "mainAccountId": "1", "adminId": 7, "socketUrl": None}
        self.answer(200, json.dumps(document), "application/json")

    def caller(self, legacy):
        scheme, _, bearer = self.headers.get("Authorization", "").partition(" ")
        if scheme == "Bearer":
            return None if legacy else sessions.get(bearer)
        own = self.headers.get("X-Auth-Token")
        return tokens.get(own) or (sessions.get(own) if legacy else None)

    def token_call(self, method, rest, legacy):
        name = self.caller(legacy)
        if name is None:
            return self.denied()
        if (method, rest) == ("GET", "token"):
            mine = sorted(token for token, owner in tokens.items() if owner == name)
            return self.answer(200, "{ " + ", ".join('"%s"' % token for token in mine) + " }")
        if (method, rest) == ("POST", "token"):
            return self.answer(200, '"%s"\n' % give(name))
        if (method, rest) == ("GET", "accounts"):
            return self.answer(200, json.dumps([{"accountId": "2", "accountName": "Sub", "mainAccountId": "1"}]), "application/json")
        if method == "DELETE" and rest.startswith("token/"):
            token = urllib.parse.unquote(rest[len("token/"):])
            if tokens.get(token) != name:
                return self.answer(404, "no such token")
            del tokens[token]
            return self.answer(204)
        self.answer(405, "Method Not Allowed")

    def control(self, method, names, body):
        name = urllib.parse.unquote(names[0])
        if method == "GET":
            return self.answer(200, json.dumps([token for token, owner in tokens.items() if owner == name]), "application/json")
        if len(names) > 1:
            return self.answer(200, give(name))
        passwords[name] = body
        self.answer(204)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


server = Server(("127.0.0.1", 0), Handler)
print("http://127.0.0.1:%d" % server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
