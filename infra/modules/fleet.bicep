metadata description = 'The machines: a scale set of spot machines that install and supervise a silo each.'

@description('What everything is named after.')
param name string

@description('Where everything is.')
param location string

@description('How many machines.')
param count int

@description('Size of each machine.')
param vmSize string

@description('Zones that machines may be in; empty: Azure chooses.')
param zones string[]

@description('Most that an hour may cost, as text; -1: no limit but the price of a machine that is not spot.')
param maxPrice string

@description('Delete or Deallocate.')
param evictionPolicy string

@description('Whether the number of machines is kept at count.')
param replaceEvicted bool

@description('How long a machine that is to be deleted waits for its silo.')
param terminateNotice string

@description('Whether to install the driver of an NVIDIA GPU.')
param gpuDriver bool

@description('The one user of each machine.')
param adminName string

@description('Its public SSH key.')
param adminPublicKey string

@description('Name of what keeps the number of machines.')
param autoscaleName string

@description('The subnet that machines are in.')
param subnetId string

@description('The machines\' identity.')
param identityId string

@description('Variables for the silo and what supervises it; names and values without line breaks.')
param environment object

var variables = join(map(items(environment), entry => '${entry.key}=${entry.value}'), '\n')
var files = {
  ENVIRONMENT: base64('${variables}\n')
  INSTALL: loadFileAsBase64('../machine/install')
  AWAIT_GPU: loadFileAsBase64('../machine/await-gpu')
  ENDED: loadFileAsBase64('../machine/ended')
  SERVICE: loadFileAsBase64('../machine/slowrun-silo.service')
}
var cloudInit = reduce(items(files), loadTextContent('../machine/cloud-init.yaml'), (text, file) => replace(text, '{{${file.key}}}', file.value))

resource scaleSet 'Microsoft.Compute/virtualMachineScaleSets@2024-07-01' = {
  name: '${name}-fleet'
  location: location
  zones: empty(zones) ? null : zones
  sku: {
    name: vmSize
    tier: 'Standard'
    capacity: count
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    orchestrationMode: 'Flexible'
    // Spread as widely as Azure can: GPU sizes cannot be moved while they run, and may then be in fewer fault domains.
    platformFaultDomainCount: 1
    singlePlacementGroup: false
    virtualMachineProfile: {
      priority: 'Spot'
      evictionPolicy: evictionPolicy
      billingProfile: {
        // A text, since parameters have no fractions.
        maxPrice: json(maxPrice)
      }
      scheduledEventsProfile: {
        terminateNotificationProfile: {
          enable: true
          notBeforeTimeout: terminateNotice
        }
      }
      storageProfile: {
        imageReference: {
          publisher: 'Canonical'
          offer: 'ubuntu-24_04-lts'
          sku: 'server'
          version: 'latest'
        }
        osDisk: {
          createOption: 'FromImage'
          caching: 'ReadWrite'
          deleteOption: 'Delete'
          diskSizeGB: 64
          managedDisk: {
            storageAccountType: 'StandardSSD_LRS'
          }
        }
      }
      osProfile: {
        computerNamePrefix: name
        adminUsername: adminName
        customData: base64(cloudInit)
        linuxConfiguration: {
          disablePasswordAuthentication: true
          ssh: {
            publicKeys: [
              {
                path: '/home/${adminName}/.ssh/authorized_keys'
                keyData: adminPublicKey
              }
            ]
          }
        }
      }
      networkProfile: {
        networkApiVersion: '2020-11-01'
        networkInterfaceConfigurations: [
          {
            name: '${name}-nic'
            properties: {
              primary: true
              deleteOption: 'Delete'
              ipConfigurations: [
                {
                  name: 'private'
                  properties: {
                    primary: true
                    subnet: {
                      id: subnetId
                    }
                  }
                }
              ]
            }
          }
        ]
      }
      // For the serial console, the only way in.
      diagnosticsProfile: {
        bootDiagnostics: {
          enabled: true
        }
      }
      extensionProfile: {
        extensions: gpuDriver
          ? [
              {
                name: 'NvidiaGpuDriver'
                properties: {
                  publisher: 'Microsoft.HpcCompute'
                  type: 'NvidiaGpuDriverLinux'
                  typeHandlerVersion: '1.6'
                  autoUpgradeMinorVersion: true
                  settings: {}
                }
              }
            ]
          : []
      }
    }
  }
}

// An evicted and deleted machine lowers the set's capacity, and the set's own "try and restore" is not there for flexible orchestration.
// A profile without rules puts the number back. Deallocated machines count: one that ended itself is not replaced.
resource keeper 'Microsoft.Insights/autoscalesettings@2022-10-01' = {
  name: autoscaleName
  location: location
  properties: {
    enabled: replaceEvicted
    targetResourceUri: scaleSet.id
    profiles: [
      {
        name: 'count'
        capacity: {
          minimum: string(count)
          maximum: string(count)
          default: string(count)
        }
        rules: []
      }
    ]
  }
}

@description('The scale set.')
output scaleSetName string = scaleSet.name
