"""What a mesh node does: `app` tells the story, each other file is one of its parts."""
