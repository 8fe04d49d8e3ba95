"""The local page of ``exciton app``: sliders, and behind them the same chain as behind the command line."""
