from device import loader

loader.run("gateway.app")
