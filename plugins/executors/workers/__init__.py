"""The rooms of the executor `local`: the process that starts workers, the workers, and the one who watches them."""
