"""Watch a process from outside and judge whether it leaks.

Start at `commands`; the line is target → record → recording → series → judge → report.
"""
