class_name NtcTextures
extends RefCounted
## A `.ntc` material, exported by `ntc export --to words`, as textures.
##
## A compute shader decodes it, so the renderer has to be Forward+ or Mobile. Nothing here is called
## more than once for each material; keep the textures.

const _SHADER := "res://ntc/ntc_decode.glsl"
const _HEADER_WORDS := 12
const _JOB_WORDS := 32
const _GROUP_THREADS := 64
const _GROUPS_IN_ROW := 65535
const _LARGEST_SIDE := 16384  # of an Image
## The largest sample of each type that has one; constants of others are what they are.
const _LARGEST := {"uint8": 255.0, "uint16": 65535.0}

var size: Vector2i
var mips: int
var metadata: Dictionary

var _words: PackedByteArray
var _device: RenderingDevice
var _shader: RID
var _pipeline: RID
var _words_buffer: RID


## The material, or null after an error has been pushed. `path` is that of the `.ntcwords`; the
## `.json` lies beside it.
static func open(path: String) -> NtcTextures:
	var textures := NtcTextures.new()
	return textures if textures._open(path) else null


## Whether a channel means this, if only as a constant.
func has(meaning: String) -> bool:
	return not _channel(meaning).is_empty()


## The output of the decoder that means this ("albedo.r", "roughness", "ao"), or -1.
func output(meaning: String) -> int:
	var channel := _channel(meaning)
	return -1 if channel.get("output") == null else int(channel["output"])


## 0 to 1 where a channel is the same everywhere, or the default where there is none.
func constant(meaning: String, default: float) -> float:
	var channel := _channel(meaning)
	if channel.get("constant") == null:
		return default
	var value: float = channel["constant"] / _LARGEST.get(channel["sample"], 1.0)
	return 1.0 - value if channel["inverted"] else value


## One mip of up to four outputs, in red, green, blue and alpha; what is not asked for is 0.
func decode(mip: int, outputs: PackedInt32Array) -> PackedByteArray:
	assert(mip < mips and outputs.size() <= 4)
	var width := maxi(size.x >> mip, 1)
	var height := maxi(size.y >> mip, 1)
	var job := PackedInt32Array()
	job.resize(_JOB_WORDS)
	job[1] = _words.size() / 4
	job[3] = mip
	job[6] = width
	job[7] = height
	job[10] = outputs.size()
	for i in outputs.size():
		job[12] |= outputs[i] << 8 * i
	return _run(job.to_byte_array(), width * height)


## A texture with all mips of the channels that mean this, up to four: `["albedo.r", "albedo.g",
## "albedo.b"]`. Constant ones are filled in, and those that the file does not have are 1.
func texture(meanings: Array[String]) -> ImageTexture:
	var outputs := PackedInt32Array()
	for meaning in meanings:
		outputs.append(maxi(output(meaning), 0))
	var whole := mips == _all_mips()
	var pixels := PackedByteArray()
	for mip in mips if whole else 1:
		pixels.append_array(decode(mip, outputs))
	for i in meanings.size():
		if output(meanings[i]) < 0:
			var value := roundi(255.0 * constant(meanings[i], 1.0))
			for at in range(i, pixels.size(), 4):
				pixels[at] = value
	var image := Image.create_from_data(size.x, size.y, whole, Image.FORMAT_RGBA8, pixels)
	if not whole:
		image.generate_mipmaps()
	return ImageTexture.create_from_image(image)


## A material with what the file has of albedo, alpha that cuts out, normal, occlusion, roughness
## and metalness.
func standard_material() -> StandardMaterial3D:
	var material := StandardMaterial3D.new()
	material.texture_repeat = _words.decode_u32(4 * 6) == 3
	if has("albedo.r"):
		var colors: Array[String] = ["albedo.r", "albedo.g", "albedo.b"]
		if output("opacity") >= 0:
			colors.append("opacity")
			material.transparency = BaseMaterial3D.TRANSPARENCY_ALPHA_SCISSOR
		material.albedo_texture = texture(colors)
	if output("normal.x") >= 0:
		material.normal_enabled = true
		material.normal_texture = texture(["normal.x", "normal.y"])  # Godot computes z
	if has("ao") or has("roughness") or has("metalness"):
		var packed := texture(["ao", "roughness", "metalness"])
		material.ao_enabled = has("ao")
		material.ao_texture = packed
		material.ao_texture_channel = BaseMaterial3D.TEXTURE_CHANNEL_RED
		material.roughness_texture = packed
		material.roughness_texture_channel = BaseMaterial3D.TEXTURE_CHANNEL_GREEN
		material.metallic = 1.0 if has("metalness") else 0.0
		material.metallic_texture = packed
		material.metallic_texture_channel = BaseMaterial3D.TEXTURE_CHANNEL_BLUE
	return material


func _open(path: String) -> bool:
	_words = FileAccess.get_file_as_bytes(path)
	var description: Variant = JSON.parse_string(
		FileAccess.get_file_as_string(path.get_basename() + ".json")
	)
	if _words.size() < 4 * _HEADER_WORDS or not description is Dictionary:
		push_error("%s: cannot be read, or no .json lies beside it" % path)
		return false
	metadata = description
	size = Vector2i(_words.decode_u32(0), _words.decode_u32(4))
	mips = _words.decode_u32(8)
	var whole := _words.decode_u32(4 * 10) * 4 == _words.size() and metadata.has("maps")
	var fits := mini(size.x, size.y) >= 1 and maxi(size.x, size.y) <= _LARGEST_SIDE
	if not whole or not fits or mips < 1 or mips > _all_mips():
		push_error("%s: not from `ntc export --to words`, or more than 16384 texels wide" % path)
		return false
	_device = RenderingServer.create_local_rendering_device()
	if _device == null:
		push_error("%s: needs the renderer Forward+ or Mobile" % path)
		return false
	var file: RDShaderFile = load(_SHADER) if ResourceLoader.exists(_SHADER) else null
	if file == null:
		push_error("%s: put the shader there, as engines/godot/README.md says" % _SHADER)
		return false
	_shader = _device.shader_create_from_spirv(file.get_spirv())
	_pipeline = _device.compute_pipeline_create(_shader)
	_words_buffer = _device.storage_buffer_create(_words.size(), _words)
	return true


func _notification(what: int) -> void:
	if what != NOTIFICATION_PREDELETE or _device == null:
		return
	for rid: RID in [_words_buffer, _pipeline, _shader]:
		_device.free_rid(rid)
	_device.free()


func _channel(meaning: String) -> Dictionary:
	for map: Dictionary in metadata["maps"]:
		for channel: Dictionary in map["channels"]:
			if channel["meaning"] == meaning:
				return channel.merged({"sample": map["sample"]})
	return {}


## Down to one texel.
func _all_mips() -> int:
	var count := 1
	while maxi(size.x, size.y) >> count > 0:
		count += 1
	return count


func _run(job: PackedByteArray, texels: int) -> PackedByteArray:
	var nothing := PackedByteArray()
	nothing.resize(8)
	var buffers: Array[RID] = [
		_words_buffer,
		_device.storage_buffer_create(job.size(), job),
		_device.storage_buffer_create(nothing.size(), nothing),
		_device.storage_buffer_create(4 * texels),
	]
	var uniforms: Array[RDUniform] = []
	for i in buffers.size():
		var uniform := RDUniform.new()
		uniform.uniform_type = RenderingDevice.UNIFORM_TYPE_STORAGE_BUFFER
		uniform.binding = i
		uniform.add_id(buffers[i])
		uniforms.append(uniform)
	var uniform_set := _device.uniform_set_create(uniforms, _shader, 0)
	var groups := ceili(texels / float(_GROUP_THREADS))
	var list := _device.compute_list_begin()
	_device.compute_list_bind_compute_pipeline(list, _pipeline)
	_device.compute_list_bind_uniform_set(list, uniform_set, 0)
	var rows := ceili(groups / float(_GROUPS_IN_ROW))
	_device.compute_list_dispatch(list, mini(groups, _GROUPS_IN_ROW), rows, 1)
	_device.compute_list_end()
	_device.submit()
	_device.sync()
	var pixels := _device.buffer_get_data(buffers[3])
	_device.free_rid(uniform_set)
	for i in [1, 2, 3]:
		_device.free_rid(buffers[i])
	return pixels
