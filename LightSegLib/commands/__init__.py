"""The commands of `lightseg`, one file each; `LightSegLib.cli` puts them together.

Each has `add_parser(commands)`, which describes its arguments and imports nothing heavy, and
`run(arguments) -> exit code`.
"""
