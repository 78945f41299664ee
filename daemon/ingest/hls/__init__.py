"""HLS: playlists, their reload loop, segments, and the merge of picture and sound."""
