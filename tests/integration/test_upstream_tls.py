"""The way to an upstream: TLS with a CA of one's own, a certificate to show, a proxy with a password."""
import base64
import http.server
import json
import socket
import ssl
import subprocess
import threading
import unittest

from weir import Weir

ANSWER = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}}


class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        shown = self.connection.getpeercert() or {}
        self.server.seen.append((self.headers["authorization"], dict(part[0] for part in shown.get("subject", ()))))
        stream = body.get("stream")
        if stream:
            chunk = {**ANSWER, "object": "chat.completion.chunk"}
            del chunk["usage"]
            first = {**chunk, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hello."}, "finish_reason": None}]}
            last = {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
            usage = {**chunk, "choices": [], "usage": ANSWER["usage"]}
            data = "".join(f"data: {json.dumps(event)}\n\n" for event in (first, last, usage)).encode() + b"data: [DONE]\n\n"
        else:
            data = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if stream else "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Proxy(http.server.BaseHTTPRequestHandler):
    """CONNECT for one user."""
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self):
        self.server.seen.append((self.path, self.headers.get("authorization")))
        wanted = "Basic " + base64.b64encode(b"user:pa ss").decode()
        if self.headers.get("proxy-authorization") != wanted:
            self.send_response(407)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port))) as far:
            self.send_response(200)
            self.end_headers()
            near = self.connection
            back = threading.Thread(target=self.pump, args=(far, near), daemon=True)
            back.start()
            self.pump(near, far)
            back.join()
        self.close_connection = True

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def log_message(self, *_):
        pass


class Way(unittest.TestCase):
    def setUp(self):
        self.weir = self.enterContext(Weir(upstream="https://localhost:1/v1", local=False))
        self.folder = self.weir.folder
        (self.folder / "key").write_text("sk-secret")
        self.text = self.weir.config.read_text().replace('api_key: "sk-upstream"', 'api_key: "${file:key}"')
        self.weir.write_config(self.text)
        self.key = self.weir.account()

    def openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                     "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}")

    def certificate(self, name, authority, host="localhost"):
        (self.folder / "names").write_text(f"subjectAltName=DNS:{host}")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                     "-out", f"{name}.csr", "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
                     "-CAcreateserial", "-days", "2", "-out", f"{name}.pem", "-extfile", "names")

    def listen(self, handler, context=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.seen = []
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def upstream(self, name="server", client_authority=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        if client_authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.folder / f"{client_authority}.pem")
        return self.listen(Upstream, context)

    def start(self, server, terms="", environment=None):
        if self.weir.process is not None:
            self.weir.stop_cleanly(self)
        self.weir.write_config(self.with_terms(terms).replace("localhost:1/", f"localhost:{server.server_address[1]}/"))
        self.weir.start(environment={"HTTPS_PROXY": "http://127.0.0.1:9", **(environment or {})})

    def with_terms(self, terms):
        return self.text.replace('api_key: "${file:key}"', 'api_key: "${file:key}"' + (f", {terms}" if terms else ""))

    def ask(self, status):
        for stream in (False, True):
            answer = self.weir.chat(self.key, "mock", stream=stream, max_tokens=5)
            self.assertEqual(answer.status, status, answer)
            if stream and status == 200:
                self.assertTrue(answer.done(), answer)

    def test_a_ca_of_ones_own(self):
        self.authority("ours")
        self.authority("theirs")
        self.certificate("server", "ours")
        self.certificate("wrong", "ours", host="elsewhere.example")
        server = self.upstream()
        self.start(server)
        self.ask(502)  # the system's authorities do not know it
        self.start(server, 'tls: {ca_file: "ours.pem"}')
        self.ask(200)
        self.assertEqual(server.seen, [("Bearer sk-secret", {})] * 2)
        self.start(server, 'tls: {ca_file: "theirs.pem"}')
        self.ask(502)
        self.start(self.upstream("wrong"), 'tls: {ca_file: "ours.pem"}')
        self.ask(502)  # another host's
        self.weir.stop_cleanly(self)

    def test_a_certificate_to_show(self):
        self.authority("ours")
        self.certificate("server", "ours")
        self.certificate("gateway", "ours")
        server = self.upstream(client_authority="ours")
        self.start(server, 'tls: {ca_file: "ours.pem"}')
        self.ask(502)
        self.assertEqual(server.seen, [])
        self.start(server, 'tls: {ca_file: "ours.pem", certificate: "gateway.pem", private_key: "gateway.key"}')
        self.ask(200)
        self.assertEqual([subject.get("commonName") for _, subject in server.seen], ["gateway"] * 2)
        self.weir.stop_cleanly(self)

    def test_a_proxy(self):
        self.authority("ours")
        self.certificate("server", "ours")
        server, proxy = self.upstream(), self.listen(Proxy)
        url = f"127.0.0.1:{proxy.server_address[1]}"
        terms = 'tls: {ca_file: "ours.pem"}, proxy: "${env:PROXY}"'
        self.start(server, terms, {"PROXY": f"http://user:pa%20ss@{url}"})
        self.ask(200)
        # The proxy sees where to, and neither the key nor what is asked.
        self.assertEqual(set(proxy.seen), {(f"localhost:{server.server_address[1]}", None)})
        self.assertEqual(server.seen, [("Bearer sk-secret", {})] * 2)
        self.start(server, terms, {"PROXY": f"http://user:wrong@{url}"})
        self.ask(502)
        self.start(server, terms, {"PROXY": "http://127.0.0.1:9"})
        self.ask(502)
        self.assertEqual(len(server.seen), 2)
        self.assertNotIn("pa%20ss", "\n".join(self.weir.log_lines))
        self.weir.stop_cleanly(self)

    def test_what_cannot_be_is_refused_at_the_start(self):
        for terms, words in (
                ('tls: {ca_file: "nowhere.pem"}', "upstreams.up.tls.ca_file: nowhere.pem: No such file"),
                ('tls: {certificate: "a.pem"}', "upstreams.up.tls: has one of certificate and private_key; write both or none"),
                ('proxy: "socks5://127.0.0.1:1"', "upstreams.up.proxy: not an http URL; write http://[user:password@]host:port"),
                ('proxy: "http://127.0.0.1"', "upstreams.up.proxy: has no port"),
                ('proxy: "http://a:b@127.0.0.1:1"', "upstreams.up.proxy: a password never stands in the file")):
            with self.subTest(terms=terms):
                self.weir.write_config(self.with_terms(terms))
                refused = self.weir.run("serve", check=False)
                self.assertEqual(refused.returncode, 1, refused)
                self.assertIn(words, refused.stderr)


if __name__ == "__main__":
    unittest.main()
