import functools
import http.server
import threading

with open("index.html", "w") as page:
    page.write("image of the installer\n")
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=os.getcwd())
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
fetched = machine.wait_until_succeeds(f"curl -sf http://127.0.0.1:{server.server_port}/index.html")
assert fetched == "image of the installer\n"
server.shutdown()
