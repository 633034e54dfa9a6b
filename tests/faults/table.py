"""The table of faults: what each strikes, how long it lasts, how it is injected and healed."""

from faults import network_faults as network
from faults import process_faults as process
from faults import server_faults as server
from faults.strikes import Fault, nothing

# In leases. Beyond a lease a worker is reaped, and its tasks run elsewhere.
BEYOND, SHORT, AWHILE = (1.8, 2.4), (0.2, 0.6), (0.5, 1.2)

FAULTS: dict[str, Fault] = {
    "kill-child": Fault("tree", SHORT, process.kill_child, nothing, kills="child"),
    "kill-supervisor": Fault("tree", SHORT, process.kill_supervisor, process.renew, kills="worker"),
    "kill-all": Fault("tree", SHORT, process.kill_all, process.renew, kills="worker"),
    "kill-api": Fault("api", SHORT, process.kill_api, nothing),
    "pause-worker": Fault("tree", BEYOND, process.pause_worker, process.resume, pauses=True),
    "pause-supervisor": Fault("tree", BEYOND, process.pause_supervisor, process.resume, pauses=True),
    "rolling-restart": Fault("tree", SHORT, process.terminate(1), process.renew),
    "sigterm-storm": Fault("tree", SHORT, process.terminate(5), process.renew),
    "redis-kill": Fault("server", SHORT, server.kill_server, server.start_server),
    "redis-restart": Fault("server", SHORT, server.stop_server, server.start_server),
    "redis-loading": Fault("server", SHORT, server.kill_server_with_much, server.start_server_slowly),
    "redis-pause": Fault("server", (1.2, 1.6), server.pause_server, server.resume_server),
    "redis-full": Fault("server", AWHILE, server.fill_memory, server.free_memory),
    "script-flush": Fault("server", AWHILE, server.repeating(server.script_flush, 0.02), server.stop_repeating),
    "client-kill": Fault("server", AWHILE, server.repeating(server.client_kill, 0.2), server.stop_repeating),
    "net-delay": Fault("wire", AWHILE, network.weather(delay=0.2), network.calm_weather, needs="proxies"),
    "net-split": Fault("wire", AWHILE, network.weather(split=True), network.calm_weather, needs="proxies"),
    "net-lost-replies": Fault("wire", AWHILE, network.weather(lose=0.05), network.calm_weather, needs="proxies"),
    "net-halved-replies": Fault("wire", AWHILE, network.weather(halve=0.05), network.calm_weather, needs="proxies"),
    "net-resets": Fault("wire", AWHILE, network.cut, network.stop_cutting, needs="proxies"),
    "net-silence": Fault("wire", (0.5, 1.5), network.silence, network.end_silence, needs="proxies"),
    "partition": Fault(
        "place", BEYOND, network.lose(towards_server=True, from_server=True), network.lose_nothing, needs="network"
    ),
    "partition-requests": Fault(
        "place", BEYOND, network.lose(towards_server=True, from_server=False), network.lose_nothing, needs="network"
    ),
    "partition-replies": Fault(
        "place", BEYOND, network.lose(towards_server=False, from_server=True), network.lose_nothing, needs="network"
    ),
    "disk-full": Fault("server", AWHILE, server.fill_disk, server.free_disk, needs="disk"),
    "clock-worker": Fault(
        "clock", AWHILE, server.shift_clock((1800.0, -1800.0), of_server=False), server.set_clock_right(of_server=False),
        needs="clocks",
    ),
    "clock-server": Fault(
        "server", AWHILE, server.shift_clock((1.5, -1.5, 0.7), of_server=True), server.set_clock_right(of_server=True),
        needs="clocks",
    ),
}  # fmt: skip
