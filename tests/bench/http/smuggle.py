#!/usr/bin/env python3
"""What an HTTP server on a loopback port answers to requests with an unclear end: smuggle.py PORT"""
import re
import socket
import sys
import time

H = "Host: x\r\n"
POST = "POST / HTTP/1.1\r\n" + H
GET = "GET / HTTP/1.1\r\n" + H
CASES = {
    "Content-Length and Transfer-Encoding": POST + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
    "0\r\n\r\nGET /evil HTTP/1.1\r\n" + H + "\r\n",
    "two Content-Length": POST + "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "Content-Length: +5": POST + "Content-Length: +5\r\n\r\nhello",
    "Content-Length: 5abc": POST + "Content-Length: 5abc\r\n\r\nhello",
    "Content-Length over 2^64": POST + "Content-Length: 18446744073709551621\r\n\r\nhello",
    "Transfer-Encoding: xchunked": POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a good chunked body": POST + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "chunk size zz": POST + "Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "chunk without its CR LF": POST + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
    "folded line": GET + "X-A: b\r\n c\r\n\r\n",
    "bare line feeds": "GET / HTTP/1.1\nHost: x\n\n",
    "bare CR in a value": GET + "X-A: b\rX-B: c\r\n\r\n",
    "NUL in a value": GET + "X-A: b\0c\r\n\r\n",
    "space before the colon": POST + "Content-Length : 5\r\n\r\nhello",
    "no Host": "GET / HTTP/1.1\r\n\r\n",
    "two Host": GET + "Host: b\r\n\r\n",
    "header of 64 KiB": GET + "X: " + "a" * 65536 + "\r\n\r\n",
    "three pipelined": (GET + "\r\n") * 3,
}


def ask(port, text):
    """The statuses of the answers, and whether the server closed within 0.7 s."""
    heard, closed = b"", False
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.settimeout(0.7)
        try:
            s.sendall(text.encode("latin1"))
            while not closed:
                piece = s.recv(65536)
                closed = not piece
                heard += piece
        except socket.timeout:
            pass
        except OSError:
            closed = True
    statuses = [m.decode() for m in re.findall(rb"HTTP/1\.[01] (\d+)", heard)]
    return " ".join(statuses) + (" closed" if closed else " open")


def trickle(port):
    """How long a client that sends one byte of its header now and then may stay, at most 20 s."""
    start = time.time()
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"GET / HTTP/1.1\r\nX: ")
        s.settimeout(0.2)
        try:
            while time.time() - start < 20:
                s.sendall(b"a")
                try:
                    if not s.recv(1000):
                        break
                    break
                except socket.timeout:
                    pass
        except OSError:
            pass
    return time.time() - start


if __name__ == "__main__":
    for name, text in CASES.items():
        print(f"  {name}: {ask(int(sys.argv[1]), text)}")
    print(f"  trickled header, limit 5 s: ended after {trickle(int(sys.argv[1])):.1f} s")
