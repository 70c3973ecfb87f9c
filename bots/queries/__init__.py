"""Reading: what pages, REST and browser sockets show. Every query takes the person whose rows it may see."""
