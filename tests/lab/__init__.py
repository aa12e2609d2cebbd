"""The lab: real systemd hosts in containers, for the demo, every scenario and the benchmarks."""
