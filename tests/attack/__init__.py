"""What strangers try: addresses, playlists and bytes made to harm, against the real client on a network of our own."""
