"""Run inside `unshare -n`: brings up loopback, then serves one answer of the local model."""
import fcntl
import socket
import struct

from weir import Weir

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))


raise_loopback()
with Weir() as weir:
    key = weir.account()
    weir.start()
    answer = weir.chat(key, stream=True, max_tokens=4)
    assert answer.status == 200 and answer.done(), answer
    assert weir.stop() == 0
print("served")
