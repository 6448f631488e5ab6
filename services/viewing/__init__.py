"""What a person sees of an object on a page: a guest of a share, or a user of the console."""
