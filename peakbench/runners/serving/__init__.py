"""Managed serving: PeakBench starts the server of a model, waits until it is ready, and leaves nothing of it behind.

section     the `serve:` section of run files
plan        what is served, and the command line that does it
launcher    the process between PeakBench and the server; a program of its own
process     a server as a tree of processes
ports       which port is free, and who listens at one
observed    health, counters, GPUs
diagnosis   the end of a log, and well-known causes
server      one model's server: started when it is needed, watched, stopped
"""
