"""Files of weights: what they hold, their tensors one at a time, and the weights of a deploy made of them or drawn."""
