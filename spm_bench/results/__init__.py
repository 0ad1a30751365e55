"""Raw results on disk: the toolkits' file formats, other people's folders, and run folders of our own."""
