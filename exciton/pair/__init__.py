"""The electron-hole pair, one file per level."""
