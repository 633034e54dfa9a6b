"""The server that `lineshaft serve` starts where no Redis URL is given.

`locate` finds the running one and imports next to nothing; `server` starts one. It runs the program that `binary`
finds, as a `process` whose life `launch` (a program, run by path) ties to its owner's; `readiness` asks it questions,
`locks` keeps others out. Nothing here knows of the queue.
"""
