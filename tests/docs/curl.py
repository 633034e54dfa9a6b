"""A stand-in for curl, with the few options that the README uses, for machines that have none."""

import argparse
import contextlib
import sys
import urllib.error
import urllib.request


def main() -> None:
    """Send one request and print what comes back."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-X", dest="method", default="GET")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-N", action="store_true")
    parser.add_argument("-i", dest="head", action="store_true")
    options = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in options.headers)
    data = options.data.encode() if options.data else None
    request = urllib.request.Request(options.url, data, headers, method=options.method)
    try:
        reply = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as error:
        reply = error
    if options.head:
        print(f"HTTP/1.1 {reply.status} {reply.reason}\n{reply.headers}", end="")
    for line in reply:
        sys.stdout.write(line.decode())
        sys.stdout.flush()  # of a stream that goes on


with contextlib.suppress(BrokenPipeError):  # whoever reads has seen enough
    main()
