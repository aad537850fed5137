#include <cmath>
#include <glm/gtc/matrix_transform.hpp>

#include "scene.h"

glm::mat4 Camera::projection(float aspect) const {
  glm::mat4 result = field_of_view > 0 ? glm::perspectiveRH_ZO(field_of_view, aspect, nearest, farthest)
                                       : glm::orthoRH_ZO(-half_size.x, half_size.x, -half_size.y, half_size.y,
                                                         nearest, farthest);
  result[1][1] *= -1;  // y points down in pictures of Vulkan
  return result;
}

glm::vec4 Camera::eye() const {
  const glm::mat4 placed = glm::inverse(view);
  return field_of_view > 0 ? placed[3] : placed[2];
}

Camera camera_around(glm::vec3 low, glm::vec3 high, glm::vec2 turn, float distance) {
  const glm::vec3 middle = (low + high) / 2.0f;
  const float radius = glm::max(glm::length(high - low) / 2.0f, 1e-6f);
  const glm::vec3 direction(std::sin(turn.x) * std::cos(turn.y), std::sin(turn.y),
                            std::cos(turn.x) * std::cos(turn.y));
  Camera camera;
  camera.nearest = 0.01f * radius;
  camera.farthest = (distance + 2) * radius;
  camera.view = glm::lookAt(middle + distance * radius * direction, middle, glm::vec3(0, 1, 0));
  return camera;
}
