"""What the dashboard's process answers beside the pages: live news, results and media, uploads."""
