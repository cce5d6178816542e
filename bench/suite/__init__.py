"""What bench/run-suite is made of: workloads, engines, measuring, targets, and the table and plots that come of it."""
