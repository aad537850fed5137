extends SceneTree
## Decodes a material and writes its texels, to be compared with `ntc decompress`:
## godot --path PROJECT -s res://ntc/check.gd -- bricks.ntcwords out.bin albedo.r albedo.g albedo.b


func _init() -> void:
	var arguments := OS.get_cmdline_user_args()
	var textures := NtcTextures.open(arguments[0])
	if textures == null:
		quit(1)
		return
	var outputs := PackedInt32Array()
	for meaning in arguments.slice(2):
		outputs.append(textures.output(meaning))
	var out := FileAccess.open(arguments[1], FileAccess.WRITE)
	for mip in textures.mips:
		out.store_buffer(textures.decode(mip, outputs))
	out.close()
	quit()
